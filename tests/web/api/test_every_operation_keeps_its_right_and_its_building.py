"""Every operation of the API: who may by the matrix of rights, and that nothing of a foreign tower shows or moves.

A new operation that stands in neither table fails: say which thing of a tower its address names and what is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from counter import Counter
from prewatt.domain.staff.rights import READY_ROLES, Right
from prewatt.web.api.urls import api
from web.api.door import ROOT, Program
from web.console.halves import FOREIGN, Half

DAYS = "first_day=2026-06-01&last_day=2026-06-02"
PLAN = {"format": "prewatt-tariff-1", "name": "P", "versions": [{"price": "0.7"}]}
BACK = {"tender": "cash", "note": "x"}
Path = Callable[[Half], str]
Body = Callable[[Half], dict[str, Any]]


def _sent(**fields: Any) -> Body:
    return lambda _half: fields


# Operations whose address names a thing of a tower.
THINGS: dict[str, Path] = {
    "get_meter": lambda half: f"/meters/{half.meters[0].pk}",
    "get_usage": lambda half: f"/meters/{half.meters[0].pk}/usage?by=day&{DAYS}",
    "list_orders": lambda half: f"/meters/{half.meters[0].pk}/orders",
    "place_order": lambda half: f"/meters/{half.meters[0].pk}/orders",
    "get_order": lambda half: f"/orders/{half.sale.order_id}",
    "get_customer": lambda half: f"/customers/{half.customer.pk}",
    "change_customer": lambda half: f"/customers/{half.customer.pk}",
    "get_account": lambda half: f"/accounts/{half.opening.pk}",
    "close_account": lambda half: f"/accounts/{half.opening.pk}/close",
    "hand_over": lambda half: f"/accounts/{half.opening.pk}/hand-over",
    "change_billing": lambda half: f"/accounts/{half.opening.pk}/change-billing",
    "change_meter": lambda half: f"/accounts/{half.opening.pk}/change-meter",
    "get_closing": lambda half: f"/closings/{half.closing.pk}",
    "withdraw": lambda half: f"/closings/{half.closing.pk}/{half.meters[1].openings.get().pk}/withdraw",
    "get_sale": lambda half: f"/sales/{half.sale.pk}",
    "cancel_sale": lambda half: f"/sales/{half.sale.pk}/cancel",
    "resend_sale": lambda half: f"/sales/{half.waiting.pk}/resend",
    "pay_out_sale": lambda half: f"/sales/{half.waiting.pk}/pay-out",
    "reverse_sale": lambda half: f"/sales/{half.sale.pk}/reverse",
    "get_refund": lambda half: f"/refunds/{half.refund.pk}",
    "get_reversal": lambda half: f"/reversals/{half.reversal.pk}",
    "get_receipt": lambda half: f"/receipts/{half.sale.receipt}",
    "get_batch": lambda half: f"/batches/{half.batch.pk}",
    "stop_batch": lambda half: f"/batches/{half.batch.pk}/stop",
    "get_alarm": lambda half: f"/alarms/{half.alarm.pk}",
    "acknowledge": lambda half: f"/alarms/{half.alarm.pk}/acknowledge",
}
THINGS |= {
    "change_account": lambda half: f"/accounts/{half.opening.pk}",
    "change_terms": lambda half: f"/accounts/{half.billed.pk}/terms",
    "close_customer": lambda half: f"/customers/{half.customer.pk}/close",
    "hand_over_customer": lambda half: f"/customers/{half.customer.pk}/hand-over",
    "read_to_open": lambda half: f"/meters/{half.meters[3].pk}/read-to-open",
    "read_to_refund": lambda half: f"/meters/{half.meters[0].pk}/read-to-refund",
    **{
        name: lambda half, step=step: f"/closings/{half.closing.pk}/{half.meters[1].openings.get().pk}/{step}"
        for name, step in {
            "collect_arrears": "collect-arrears",
            "type_reading": "type-reading",
            "try_again": "try-again",
            "in_place": "in-place",
            "carry_again": "carry-again",
            "pay_back_carried": "pay-back",
        }.items()
    },
    "get_payment": lambda half: f"/payments/{half.payment.pk}",
    "pay_back_sale": lambda half: f"/sales/{half.waiting.pk}/pay-back",
    "cancel_refund": lambda half: f"/refunds/{half.refund.pk}/cancel",
    "cancel_reversal": lambda half: f"/reversals/{half.reversal.pk}/cancel",
    "decide": lambda half: f"/orders/{half.unclear.order_id}/decide",
    "get_difference": lambda half: f"/accounts/{half.opening.pk}/difference",
    "accept_difference": lambda half: f"/accounts/{half.opening.pk}/difference/accept",
    "accept_late": lambda half: f"/late-answers/{half.late.pk}/accept",
    "get_shift": lambda half: f"/shifts/{half.shift.pk}",
    "close_shift": lambda half: f"/shifts/{half.shift.pk}/close",
    "retry_batch": lambda half: f"/batches/{half.batch.pk}/retry",
    "list_batch_items": lambda half: f"/batches/{half.batch.pk}/items",
    "tell_notice": lambda half: f"/cutoff/notices/{half.notice.pk}/told",
    "give_grace": lambda half: f"/cutoff/accounts/{half.opening.pk}/grace",
    "end_grace": lambda half: f"/cutoff/accounts/{half.opening.pk}/grace/end",
    "remove_never_cut": lambda half: f"/switching/never/{half.vital.pk}/remove",
    "change_building": lambda half: f"/buildings/{half.building.pk}",
    "remove_building": lambda half: f"/buildings/{half.building.pk}/remove",
    "add_floor": lambda half: f"/buildings/{half.building.pk}/floors",
    "add_area": lambda half: f"/buildings/{half.building.pk}/areas",
    "change_floor": lambda half: f"/floors/{half.floor.pk}",
    "remove_floor": lambda half: f"/floors/{half.floor.pk}/remove",
    "change_area": lambda half: f"/areas/{half.area.pk}",
    "remove_area": lambda half: f"/areas/{half.area.pk}/remove",
    "get_room": lambda half: f"/rooms/{half.room.pk}",
    "change_room": lambda half: f"/rooms/{half.room.pk}",
    "remove_room": lambda half: f"/rooms/{half.room.pk}/remove",
    "get_gateway": lambda half: f"/gateways/{half.gateway.pk}",
    "change_gateway": lambda half: f"/gateways/{half.gateway.pk}",
    "remove_gateway": lambda half: f"/gateways/{half.gateway.pk}/remove",
    "draw_code": lambda half: f"/gateways/{half.gateway.pk}/code",
    "add_bus": lambda half: f"/gateways/{half.gateway.pk}/buses",
    "change_bus": lambda half: f"/buses/{half.bus.pk}",
    "remove_bus": lambda half: f"/buses/{half.bus.pk}/remove",
    "get_meter_settings": lambda half: f"/meters/{half.meters[3].pk}/settings",
    "change_meter_settings": lambda half: f"/meters/{half.meters[3].pk}/settings",
    "get_building_defaults": lambda half: f"/buildings/{half.building.pk}/defaults",
    "change_building_defaults": lambda half: f"/buildings/{half.building.pk}/defaults",
    "list_building_receipt_templates": lambda half: f"/buildings/{half.building.pk}/receipts",
    "set_building_receipt_template": lambda half: f"/buildings/{half.building.pk}/receipts/sale",
    "get_operator": lambda half: f"/operators/{half.manager.pk}",
    "change_operator": lambda half: f"/operators/{half.manager.pk}",
    "set_operator_active": lambda half: f"/operators/{half.manager.pk}/active",
    "reset_password": lambda half: f"/operators/{half.manager.pk}/password",
    "reset_second_factor": lambda half: f"/operators/{half.manager.pk}/second-factor/reset",
    "sign_operator_out": lambda half: f"/operators/{half.manager.pk}/sign-out",
    "pay_out_clear_back": lambda half: f"/clear-backs/{half.run.pk}/accounts/{half.opening.pk}/pay-out",
    "revoke_token": lambda half: f"/tokens/{half.token.pk}/revoke",
    "get_webhook": lambda half: f"/webhooks/{half.endpoint.pk}",
    "change_webhook": lambda half: f"/webhooks/{half.endpoint.pk}",
    "renew_webhook": lambda half: f"/webhooks/{half.endpoint.pk}/secret",
    "try_webhook": lambda half: f"/webhooks/{half.endpoint.pk}/test",
    "list_deliveries": lambda half: f"/webhooks/{half.endpoint.pk}/deliveries",
    "tell_again": lambda half: f"/deliveries/{half.delivery.pk}/again",
    "skip_delivery": lambda half: f"/deliveries/{half.delivery.pk}/skip",
    "look_at_bus": lambda half: f"/buses/{half.bus.pk}/looks",
    "get_look": lambda half: f"/looks/{half.inquiry.pk}",
    "get_look_frames": lambda half: f"/looks/{half.inquiry.pk}/frames",
    "stop_look": lambda half: f"/looks/{half.inquiry.pk}/stop",
    "get_export": lambda half: f"/exports/{half.export.pk}",
    "cancel_export": lambda half: f"/exports/{half.export.pk}/cancel",
    "get_export_file": lambda half: f"/exports/{half.export.pk}/file",
    "delete_saved_filter": lambda half: f"/saved-filters/{half.saved.pk}/delete",
}
THINGS |= {
    "get_online_payment": lambda half: f"/online-payments/{half.online.pk}",
    "give_back_online_payment": lambda half: f"/online-payments/{half.online.pk}/back",
    "send_on_online_payment": lambda half: f"/online-payments/{half.online.pk}/send-on",
    "note_online_payment": lambda half: f"/online-payments/{half.online.pk}/note",
    "sign_provider_bill": lambda half: f"/provider-bills/{half.provider_bill.pk}/sign",
    "list_bill_differences": lambda half: f"/provider-bills/{half.provider_bill.pk}/differences",
    "take_over_bill_difference": lambda half: f"/bill-differences/{half.bill_difference.pk}/take-over",
    "explain_bill_difference": lambda half: f"/bill-differences/{half.bill_difference.pk}/explain",
}
THINGS |= {
    "get_sent_message": lambda half: f"/messages/{half.message.pk}",
    "send_message_again": lambda half: f"/messages/{half.message.pk}/again",
    "change_carrier": lambda half: f"/carriers/{half.carrier.pk}",
    "try_carrier": lambda half: f"/carriers/{half.carrier.pk}/test",
}
# Operations whose address names a thing of the whole site.
THE_SITES: dict[str, Path] = {
    "get_plan": lambda half: f"/plans/{half.plan.pk}",
    "change_plan": lambda half: f"/plans/{half.plan.pk}",
    "send_plan": lambda half: f"/plans/{half.plan.pk}/send",
    "list_plan_versions": lambda half: f"/plans/{half.plan.pk}/versions",
    "add_plan_version": lambda half: f"/plans/{half.plan.pk}/versions",
    "withdraw_plan_version": lambda half: f"/plans/{half.plan.pk}/versions/1/withdraw",
    "set_role_rights": lambda half: f"/roles/{half.manager.role_id}/rights",
    "rename_role": lambda half: f"/roles/{half.manager.role_id}",
    "remove_role": lambda half: f"/roles/{half.manager.role_id}/remove",
    "get_day": lambda _half: "/reports/days/2026-06-01",
    "sign_day": lambda _half: "/reports/days/2026-06-01/sign",
    "get_backup": lambda _half: "/backups/backup-A",
    "get_list": lambda _half: "/lists/estate-meters",
}
# All others, and with what they are asked.
LISTS: dict[str, str] = {
    "get_me": "/me",
    "list_operators": "/operators",
    "list_log": "/log",
    "list_buildings": "/buildings",
    "list_rooms": "/rooms",
    "list_meters": "/meters",
    "list_gateways": "/gateways",
    "list_customers": "/customers",
    "add_customer": "/customers",
    "list_accounts": "/accounts",
    "open_account": "/accounts",
    "list_closings": "/closings",
    "list_sales": "/sales",
    "sell": "/sales",
    "list_waiting": "/waiting",
    "list_refunds": "/refunds",
    "refund": "/refunds",
    "list_reversals": "/reversals",
    "finance": f"/reports/finance?{DAYS}&by=building",
    "readings": f"/reports/readings?{DAYS}",
    "reconcile": "/reports/reconciliation",
    "list_batches": "/batches",
    "place_batch": "/batches",
    "list_plans": "/plans",
    "list_alarms": "/alarms",
    "open_accounts": "/openings",
    "pay": "/payments",
    "list_unclear": "/unclear",
    "list_late": "/late-answers",
    "list_shifts": "/shifts",
    "open_shift": "/shifts",
    "get_counter_settings": "/settings/counter",
    "change_counter_settings": "/settings/counter",
    "print_receipts": "/prints",
    "compare_again": "/reports/reconciliation/again",
    "acknowledge_all": "/acknowledgements",
    "add_plan": "/plans",
    "add_plan_of_document": "/plan-documents",
    "list_purchase_prices": "/purchase-prices",
    "set_purchase_price": "/purchase-prices",
    "list_purchase_bills": "/purchase-bills",
    "keep_purchase_bill": "/purchase-bills",
    "list_clear_backs": "/clear-backs",
    "clear_back": "/clear-backs",
    "list_differing": "/differing",
    "send_again": "/differing/send",
    "list_notices": "/cutoff/notices",
    "get_fair_rules": "/cutoff/rules",
    "change_fair_rules": "/cutoff/rules",
    "get_switching_rules": "/switching/rules",
    "change_switching_rules": "/switching/rules",
    "list_never_cut": "/switching/never",
    "add_never_cut": "/switching/never",
    "get_stop": "/switching/stop",
    "stop_all": "/switching/stop",
    "lift_stop": "/switching/stop/lift",
    "add_building": "/buildings",
    "list_floors": "/floors",
    "list_areas": "/areas",
    "put_in_order": "/buildings-order",
    "add_room": "/rooms",
    "get_uses": "/settings/uses",
    "set_uses": "/settings/uses",
    "add_gateway": "/gateways",
    "list_gateway_events": "/gateway-events",
    "list_buses": "/buses",
    "add_meter": "/meters",
    "get_defaults": "/settings/defaults",
    "change_defaults": "/settings/defaults",
    "list_messages": "/settings/messages",
    "change_message": "/settings/messages/opened",
    "list_receipt_templates": "/settings/receipts",
    "set_receipt_template": "/settings/receipts/sale",
    "get_door": "/settings/door",
    "change_door": "/settings/door",
    "add_operator": "/operators",
    "list_roles": "/roles",
    "add_role": "/roles",
    "list_tokens": "/tokens",
    "list_webhooks": "/webhooks",
    "add_webhook": "/webhooks",
    "list_backups": "/backups",
    "back_up": "/backups",
    "get_backup_plan": "/settings/backups",
    "change_backup_plan": "/settings/backups",
    "list_days": f"/reports/days?{DAYS}",
    "list_lists": "/lists",
    "list_online_payments": "/online-payments",
    "list_provider_bills": "/provider-bills",
    "list_sent_messages": "/messages",
    "list_carriers": "/carriers",
    "get_sending_rules": "/settings/sending",
    "change_sending_rules": "/settings/sending",
    "list_exports": "/exports",
    "start_export": "/exports",
    "list_saved_filters": "/saved-filters",
    "save_filter": "/saved-filters",
}
BODIES: dict[str, Body] = {
    "place_order": _sent(kind="read"),
    "change_customer": _sent(note="x"),
    "close_account": _sent(),
    "hand_over": lambda half: {"to_customer_id": half.taker.pk},
    "change_billing": _sent(billing="platform"),
    "change_meter": lambda half: {"new_meter_id": half.meters[3].pk},
    "withdraw": _sent(),
    "cancel_sale": _sent(),
    "resend_sale": _sent(),
    "pay_out_sale": _sent(**BACK),
    "reverse_sale": _sent(note="x"),
    "stop_batch": _sent(),
    "acknowledge": _sent(note="x"),
    "add_customer": _sent(number="N0001", name="新租客"),
    "open_account": lambda half: {"meter_id": half.meters[3].pk, "customer_id": half.customer.pk},
    "sell": lambda half: {"meter_id": half.meters[0].pk, "amount_fen": 1000, "tender": "cash"},
    "refund": lambda half: {"meter_id": half.meters[0].pk, "amount_fen": 1000, **BACK},
    "place_batch": lambda half: {"kind": "read", "meter_ids": [half.meters[0].pk]},
}


def _viewer() -> int:
    from prewatt.domain.staff.models import Role

    return int(Role.objects.get(code="viewer").pk)


READING = {"balance_fen": 0, "reason": "x"}
BODIES |= {
    "send_message_again": _sent(reason="x"),
    "change_carrier": _sent(on=False),
    "try_carrier": _sent(),
    "change_sending_rules": _sent(per_hour=5),
    "give_back_online_payment": _sent(amount_fen=100, reason="x"),
    "send_on_online_payment": _sent(),
    "note_online_payment": _sent(note="x"),
    "sign_provider_bill": _sent(note="x"),
    "take_over_bill_difference": _sent(),
    "explain_bill_difference": _sent(word="x"),
    "change_account": _sent(texts=False),
    "change_terms": _sent(overdraft_fen=100),
    "close_customer": _sent(),
    "hand_over_customer": lambda half: {"to_customer_id": half.taker.pk},
    "read_to_open": _sent(),
    "read_to_refund": _sent(),
    "collect_arrears": _sent(amount_fen=100),
    "type_reading": _sent(**READING),
    "try_again": _sent(),
    "in_place": _sent(),
    "carry_again": _sent(),
    "pay_back_carried": _sent(),
    "pay_back_sale": _sent(**BACK),
    "cancel_refund": _sent(),
    "cancel_reversal": _sent(),
    "decide": _sent(applied=False, reason="x"),
    "accept_late": _sent(reason="x"),
    "accept_difference": _sent(amount_fen=1, count_delta=0, reason="x"),
    "close_shift": _sent(counted_fen=10_000, reason="x"),
    "open_accounts": lambda half: {
        "customer_id": half.customer.pk,
        "meters": [{"meter_id": half.meters[3].pk, "first_amount_fen": 1000}],
    },
    "pay": lambda half: {"lines": [{"meter_id": half.meters[0].pk, "amount_fen": 1000}], "tender": "cash"},
    "open_shift": _sent(float_fen=0),
    "change_counter_settings": _sent(payee="x"),
    "print_receipts": lambda half: {"receipts": [half.sale.receipt]},
    "compare_again": _sent(),
    "retry_batch": _sent(),
    "acknowledge_all": lambda half: {"note": "x", "upto": half.alarm.pk},
    "add_plan": _sent(name="new", price_flat_e4=7000),
    "change_plan": _sent(note="x"),
    "send_plan": _sent(),
    "add_plan_of_document": _sent(name="of document", document=PLAN),
    "add_plan_version": _sent(document=PLAN),
    "withdraw_plan_version": _sent(),
    "set_purchase_price": _sent(from_day="2026-01-01", price_flat_e4=7000),
    "keep_purchase_bill": lambda half: {
        "building_id": half.building.pk,
        "month": "2026-05-01",
        "energy_wh": {"flat": 1000},
        "amount_fen": {"flat": 80},
    },
    "clear_back": lambda half: {
        "building_id": half.building.pk,
        "first_month": "2026-05-01",
        "last_month": "2026-05-01",
        "shown_fen": 0,
        "reason": "x",
    },
    "pay_out_clear_back": _sent(tender="cash"),
    "send_again": _sent(kind="prices"),
    "tell_notice": _sent(note="x"),
    "give_grace": _sent(amount_fen=1000, until="2026-06-03T02:00:00Z", reason="x"),
    "end_grace": _sent(reason="x"),
    "change_fair_rules": _sent(notice_days=5),
    "change_switching_rules": _sent(limit_count=7),
    "add_never_cut": lambda half: {"meter_id": half.meters[3].pk, "kind": "fire"},
    "remove_never_cut": _sent(),
    "stop_all": _sent(why="x"),
    "lift_stop": _sent(why="x"),
    "add_building": _sent(code="N", name="新楼"),
    "change_building": _sent(name="楼"),
    "remove_building": _sent(),
    "put_in_order": _sent(),
    "add_floor": _sent(number=99),
    "change_floor": _sent(name="一层"),
    "remove_floor": _sent(),
    "add_area": _sent(name="新区"),
    "change_area": _sent(name="西区"),
    "remove_area": _sent(),
    "add_room": lambda half: {"floor_id": half.floor.pk, "number": "N-1"},
    "change_room": _sent(number="N-2"),
    "remove_room": _sent(),
    "set_uses": _sent(items=["商铺", "办公"]),
    "add_gateway": _sent(code="gw-new"),
    "change_gateway": _sent(name="x"),
    "remove_gateway": _sent(),
    "draw_code": _sent(),
    "add_bus": _sent(code="bus-new", url="rtu+tcp://192.168.1.20:4001?baud=9600"),
    "change_bus": _sent(status_s=60, url="rtu+tcp://192.168.1.21:4001?baud=9600"),
    "remove_bus": _sent(),
    "add_meter": lambda half: {
        "number": "NEW1",
        "profile": "acrel-dtsy1352-nk",
        "bus_id": half.bus.pk,
        "unit": 7,
        "building": half.building.code,
        "room": half.room.number,
    },
    "change_meter_settings": _sent(remark="x"),
    "change_defaults": _sent(alarm1_fen=6000),
    "change_building_defaults": _sent(alarm1_fen=6000),
    "change_message": _sent(en="The account of room {room} is open."),
    "set_receipt_template": _sent(text=""),
    "set_building_receipt_template": _sent(text=""),
    "change_door": _sent(name="x"),
    "add_operator": lambda half: {
        "username": "newcomer",
        "role_id": _viewer(),
        "building_ids": [half.building.pk],
    },
    "change_operator": _sent(name="x"),
    "set_operator_active": _sent(active=True),
    "reset_password": _sent(),
    "reset_second_factor": _sent(),
    "sign_operator_out": _sent(),
    "add_role": _sent(name="new"),
    "set_role_rights": _sent(was=["read"], rights=["read"]),
    "rename_role": _sent(name="x"),
    "remove_role": _sent(),
    "revoke_token": _sent(),
    "add_webhook": _sent(name="new", url="https://example.com/hook", events=["sale"]),
    "change_webhook": _sent(name="x", url="https://example.com/hook", events=["sale"]),
    "renew_webhook": _sent(),
    "try_webhook": _sent(),
    "tell_again": _sent(),
    "skip_delivery": _sent(),
    "back_up": _sent(),
    "change_backup_plan": _sent(keep=7),
    "look_at_bus": _sent(kind="scan"),
    "stop_look": _sent(),
    "sign_day": _sent(),
    "start_export": _sent(name="estate-meters"),
    "cancel_export": _sent(),
    "save_filter": _sent(of="estate-meters", name="x"),
    "delete_saved_filter": _sent(),
}
UNFIT = frozenset({401, 404, 405, 413, 415, 422, 429})
# What concerns every building is for who sees every building, and what belongs to a person for him alone.
SITES = {
    "change_counter_settings",
    "add_building",
    "remove_building",
    "set_uses",
    "add_gateway",
    "remove_gateway",
    "change_defaults",
    "change_message",
    "set_receipt_template",
    "add_role",
    "set_role_rights",
    "rename_role",
    "remove_role",
    "sign_provider_bill",
    "list_bill_differences",
    "take_over_bill_difference",
    "explain_bill_difference",
    "change_carrier",
    "try_carrier",
    "change_sending_rules",
    "list_days",
    "get_day",
    "sign_day",
    "get_webhook",
    "add_webhook",
    "change_webhook",
    "renew_webhook",
    "try_webhook",
    "list_deliveries",
    "tell_again",
    "skip_delivery",
    "back_up",
    "get_backup",
    "get_backup_plan",
    "change_backup_plan",
}
PERSONS = {
    "get_shift",
    "close_shift",
    "get_export",
    "cancel_export",
    "get_export_file",
    "delete_saved_filter",
    "revoke_token",
}
# What is named in the body stands in a tower too.
NAMED_IN_BODY = (
    "open_account",
    "open_accounts",
    "sell",
    "pay",
    "refund",
    "print_receipts",
    "add_never_cut",
    "add_operator",
)


def operations() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Method and rights by name, as described."""
    paths: dict[str, Any] = api.get_openapi_schema()["paths"]
    return {
        one["operationId"]: (method.upper(), tuple(one["x-rights"]))
        for methods in paths.values()
        for method, one in methods.items()
    }


OPERATIONS = operations()
ROLES = sorted(READY_ROLES)


def address(name: str, half: Half) -> str:
    made = THINGS.get(name) or THE_SITES.get(name)
    return made(half) if made else LISTS[name]


def asked(program: Program, name: str, half: Half, *, key: str | None = "") -> Any:
    path = address(name, half)
    if OPERATIONS[name][0] == "GET":
        return program.client.get(ROOT + path, headers=program.headers())
    return program.send(path, BODIES[name](half), method=OPERATIONS[name][0], key=key)


@pytest.fixture
def here(counter: Counter) -> Half:
    from prewatt.domain.backups.models import Run
    from prewatt.domain.vending import operations as vending

    half = Half(counter, foreign=False)
    facts: dict[str, Any] = {"operator": half.manager, "now": counter.now}
    half.reversal = vending.reverse(reversal_id="reversal-A", sale_id=half.sale.pk, note="x", **facts)  # type: ignore[attr-defined]
    half.taker = half.customer  # type: ignore[attr-defined]  # the same customer is a refusal, but he is there
    Run.objects.create(id="backup-A", asked_at=counter.now)
    return half


@pytest.fixture
def there(counter: Counter, here: Half) -> Half:
    from prewatt.domain.vending import operations as vending

    half = Half(counter, foreign=True)
    facts: dict[str, Any] = {"operator": half.manager, "now": counter.now}
    half.reversal = vending.reverse(reversal_id="reversal-F", sale_id=half.sale.pk, note="x", **facts)  # type: ignore[attr-defined]
    half.taker = half.customer  # type: ignore[attr-defined]
    return half


def test_every_operation_is_visited_and_every_write_has_a_body() -> None:
    assert sorted([*THINGS, *THE_SITES, *LISTS]) == sorted(OPERATIONS)
    assert {name for name, (method, _rights) in OPERATIONS.items() if method != "GET"} == set(BODIES)


def test_only_what_is_ones_own_asks_for_no_right() -> None:
    free = {name for name, (_method, rights) in OPERATIONS.items() if not rights}
    assert free == {"get_me", "list_tokens", "revoke_token"} | {
        *("list_lists", "get_list"),  # each list asks for the right of its page
        *("list_exports", "start_export", "get_export", "cancel_export", "get_export_file"),  # one's own
        *("list_saved_filters", "save_filter", "delete_saved_filter"),  # one's own
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_token_of_each_role_opens_what_the_matrix_says(counter: Counter, here: Half, role: str) -> None:
    who = counter.person(f"one-{role}", role, all_buildings=False)
    who.buildings.add(here.building)
    program, rights = Program(who), {right.value for right in READY_ROLES[role][1]}
    # One right of several opens the door; the domain still looks at the kind of order.
    wrong = [
        f"{name}: {answer.status_code} {answer.content[:200]!r}"
        for name, (_method, any_of) in OPERATIONS.items()
        if is_wrong(name, answer := asked(program, name, here), allowed=not any_of or bool(rights & set(any_of)))
    ]
    assert wrong == []


def is_wrong(name: str, answer: Any, *, allowed: bool) -> bool:
    if not allowed:
        return bool(answer.json()["code"] != "no_right")
    if name in SITES:
        return answer.status_code not in {403, 404}
    if answer.status_code == 422 and answer.json()["code"] == "no_meters":
        return False  # understood, but there is no meter that it concerns
    unfit = UNFIT - {404} if name in PERSONS else UNFIT
    return (
        answer.status_code >= 500
        or answer.status_code in unfit
        or (answer.status_code >= 400 and answer.json()["code"] == "no_right")
    )


def test_who_sees_every_building_does_what_concerns_the_site(counter: Counter, here: Half) -> None:
    program = Program(counter.admin)
    wrong = [
        f"{name}: {answer.status_code} {answer.content[:200]!r}"
        for name in sorted(SITES)
        if (answer := asked(program, name, here)).status_code >= 500 or answer.status_code in UNFIT | {403}
    ]
    assert wrong == []


@pytest.mark.parametrize("right", list(Right))
def test_a_token_with_one_right_does_what_that_right_allows(here: Half, right: Right) -> None:
    program = Program(here.manager, rights=[right])
    wrong = []
    for name, (_method, any_of) in OPERATIONS.items():
        status, allowed = asked(program, name, here, key=None).status_code, not any_of or right in any_of
        if (status == 403) == allowed and not (allowed and name in SITES):  # he sees one tower only
            wrong.append(f"{name}: {status}")
    assert wrong == []


def test_a_thing_of_another_tower_is_not_there(here: Half, there: Half) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.staff.models import LogEntry

    program = Program(here.manager)
    before = MeterOrder.objects.count(), LogEntry.objects.count()
    found = [
        f"{name}: {answer.status_code} {answer.content[:200]!r}"
        for name in (*THINGS, *NAMED_IN_BODY)
        if (answer := asked(program, name, there)).status_code != 404
    ]
    assert found == []
    batch = asked(program, "place_batch", there)
    assert (batch.status_code, batch.json()["code"]) == (422, "no_meters")
    typed = {name: asked(program, name, there) for name in ("add_room", "add_meter")}  # as in the forms: a wrong field
    assert {name: (answer.status_code, answer.json()["code"]) for name, answer in typed.items()} == dict.fromkeys(
        typed, (422, "fields")
    )
    assert (MeterOrder.objects.count(), LogEntry.objects.count()) == before


@pytest.mark.parametrize("how", ["manager", "narrowed", "stranger"])
def test_nothing_of_the_other_tower_shows_in_any_answer(counter: Counter, here: Half, there: Half, how: str) -> None:
    """Also when the operator sees everything and only his token is narrowed to this tower."""
    program = {
        "manager": lambda: Program(here.manager),
        "narrowed": lambda: Program(counter.admin, buildings=[here.building]),
        "stranger": lambda: Program(counter.stranger),
    }[how]()
    leaks = []
    for name, (method, _rights) in OPERATIONS.items():
        if method == "GET":
            shown = asked(program, name, here).content.decode()
            leaks += [f"{name} shows {one}" for one in FOREIGN if one in shown]
    assert leaks == []


def test_a_narrowed_token_moves_nothing_elsewhere(counter: Counter, here: Half, there: Half) -> None:
    program = Program(counter.admin, buildings=[here.building])
    assert asked(program, "sell", there).status_code == 404
    assert asked(program, "sell", here).status_code == 200
    assert program.get(f"/meters/{there.meters[0].pk}").status_code == 404


def test_a_narrowed_token_administers_nobody_elsewhere(here: Half, there: Half) -> None:
    here.manager.buildings.add(there.building)
    whole, narrow = Program(here.manager), Program(here.manager, buildings=[here.building])
    names = [{one["username"] for one in program.get("/operators").json()["items"]} for program in (whole, narrow)]
    assert ["foreigner" in seen for seen in names] == [True, False]
    path = f"/operators/{there.manager.pk}/password"
    assert [program.send(path).status_code for program in (narrow, whole)] == [404, 200]


def test_without_a_token_nothing_opens(client: Any, here: Half) -> None:
    client.force_login(here.manager)  # a browser's log-in opens nothing here
    for name, (method, _rights) in OPERATIONS.items():
        path = address(name, here)
        answer = client.generic(method, ROOT + path, b"{}", content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_token"), name
