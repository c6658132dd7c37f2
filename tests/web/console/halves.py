"""Two towers with one of everything in each, for tests that ask who sees what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from counter import NOW, Counter, yuan
from prewatt.link.messages import Kind, Outcome

# What stands in the other tower, and may not stand on any page of somebody who works in this one only.
FOREIGN = ("0399F00", "外楼", "A9F01", "隔壁租客", "gw-9", "bus-9", "13900009999", "R9F-1")


class Half:
    """One tower: `ids` names one thing of every kind in it."""

    def __init__(self, counter: Counter, *, foreign: bool) -> None:
        self.counter, self.foreign = counter, foreign
        self._place()
        self._people()
        self.meters = [self._meter(n) for n in range(4)]
        self._accounts()
        self._moves()
        self._orders()
        self._billed()

    def _place(self) -> None:
        from prewatt.domain.estate.models import Building, Bus, Floor, Room

        counter = self.counter
        if not self.foreign:
            self.building, self.room, self.bus, self.gateway = (
                counter.building,
                counter.room,
                counter.bus,
                counter.gateway,
            )
            self.floor = counter.room.floor
            return
        self.building = Building.objects.create(name="外楼B座", code="B9F")
        self.floor = Floor.objects.create(building=self.building, number=9, name="外楼九层")
        self.room = Room.objects.create(floor=self.floor, number="R9F-1")
        self.gateway = counter.other_gateway
        self.gateway.code, self.gateway.name = "gw-9", "外楼网关"
        self.gateway.save()
        self.bus = Bus.objects.create(gateway=self.gateway, code="bus-9", url="null://")

    def _people(self) -> None:
        counter = self.counter
        who = counter.person("foreigner" if self.foreign else "local", "admin", all_buildings=False)
        who.buildings.add(self.building)
        who.name = "外楼经理" if self.foreign else "本楼经理"
        who.save()
        self.manager = who

    def _meter(self, n: int) -> Any:
        from prewatt.domain.estate.models import Meter

        return Meter.objects.create(
            number=f"0399F{n:05d}" if self.foreign else f"0388A{n:05d}",
            unit=n + 100,
            profile="acrel-dtsy1352-nk",
            bus=self.bus,
            room=self.room,
            ceiling_fen=100_000,
        )

    def _accounts(self) -> None:
        from prewatt.domain.estate.models import Customer, Opening

        number, name, phone = (
            ("A9F01", "隔壁租客", "13900009999") if self.foreign else ("K8A01", "本楼租客", "13800008888")
        )
        self.customer = Customer.objects.create(
            number=number, name=name, phone=phone, created_at=NOW, pinyin="gbzk" if self.foreign else "blzk"
        )
        for meter in self.meters[:3]:
            Opening.objects.create(
                meter=meter, customer=self.customer, opened_at=self.counter.now, count_base=0, bought_base_fen=0
            )
            self.counter.read_all(meter, balance_fen=yuan("80"), purchase_count=0, bought_fen=0, energy_wh=1000)
        self.opening = self.meters[0].openings.get()

    def _moves(self) -> None:
        from prewatt.domain.vending import operations as vending

        counter, letter = self.counter, "F" if self.foreign else "A"
        facts: dict[str, Any] = {"tender": "cash", "operator": self.manager}
        self.sale = vending.sell(sale_id=f"sale-{letter}", meter=self.meters[0], amount="100", now=counter.now, **facts)
        self._answer(f"sale-{letter}", self.meters[0], purchase_count=1, balance_fen=18_000, bought_fen=10_000)
        held = vending.sell(sale_id=f"held-{letter}", meter=self.meters[1], amount="40", now=counter.now, **facts)
        self._answer(held.pk, self.meters[1], purchase_count=1, balance_fen=12_000, bought_fen=4_000)
        self.refund = vending.refund(
            refund_id=f"refund-{letter}", meter=self.meters[1], amount="20", now=counter.now, **facts
        )
        self._answer(f"refund-{letter}", self.meters[1], purchase_count=2, balance_fen=10_000, bought_fen=2_000)
        waiting = vending.sell(sale_id=f"wait-{letter}", meter=self.meters[2], amount="50", now=counter.now, **facts)
        self._answer(waiting.pk, self.meters[2], outcome=Outcome.REFUSED, reason="above_ceiling")
        self.waiting = waiting

    def _answer(self, order_id: str, meter: Any, *, outcome: Outcome = Outcome.DONE, **after: Any) -> None:
        from prewatt.domain.dispatch.operations import lease
        from prewatt.domain.settlement import Settled

        lease(gateway=self.gateway, now=self.counter.now)
        settled = self.counter.settle(order_id, outcome, meter=meter, gateway=self.gateway, **after)
        assert settled == Settled.SETTLED, (order_id, settled)

    def _orders(self) -> None:
        from prewatt.domain.estate.models import Meter
        from prewatt.domain.fleet.operations import place_batch

        self.batch = place_batch(
            batch_id="batch-F" if self.foreign else "batch-A",
            kind=Kind.READ,
            meters=Meter.objects.filter(pk__in=[one.pk for one in self.meters]),
            operator=self.manager,
            now=self.counter.now,
        )
        self._more()

    def _more(self) -> None:
        from prewatt.domain.alarms.models import Alarm
        from prewatt.domain.commissioning.models import Inquiry
        from prewatt.domain.dispatch.models import Contradiction
        from prewatt.domain.staff.models import LogEntry, SignIn
        from prewatt.domain.vending import operations as vending
        from prewatt.domain.vending.models import Print
        from prewatt.domain.vending.shifts import open_shift

        counter, letter = self.counter, "F" if self.foreign else "A"
        now = counter.now
        facts: dict[str, Any] = {"operator": self.manager, "now": now}
        self.inquiry = Inquiry.objects.create(
            id=f"look-{letter}",
            bus=self.bus,
            kind="scan",
            operator=self.manager,
            placed_at=now,
            expires_at=now,
            seconds=60,
        )
        lines = [(f"many-{letter}", self.meters[0], "10")]
        self.payment = vending.sell_many(payment_id=f"pay-{letter}", lines=lines, tender="cash", **facts)
        self.shift = open_shift(shift_id=f"shift-{letter}", float_amount="100", **facts)
        self.print = Print.objects.create(
            id=f"print-{letter}", series=self.sale.series, number=self.sale.number, nth=1, operator=self.manager, at=now
        )
        self.sign_in = SignIn.objects.create(
            operator=self.manager, digest=f"digest-{letter}", started_at=now, seen_at=now
        )
        self.entry = LogEntry.objects.filter(operator=self.manager).latest("pk")
        self.closing = vending.close_account(
            closing_id=f"close-{letter}",
            customer=self.customer,
            openings=[self.meters[1].openings.get()],
            tender="cash",
            **facts,
        )
        self.unclear = vending.sell(
            sale_id=f"unclear-{letter}", meter=self.meters[2], amount="5", tender="cash", **facts
        )
        self._answer(self.unclear.pk, self.meters[2], outcome=Outcome.UNCLEAR, purchase_count=7)
        self.late = Contradiction.objects.create(
            order_ref=self.waiting.order_id,
            outcome="done",
            meter_number=self.meters[2].number,
            gateway_code=self.gateway.code,
            why="contradicts",
            first_at=now,
        )
        self.alarm = Alarm.objects.create(
            kind="owe",
            meter=self.meters[0],
            opening=self.opening,
            building=self.building,
            since=now,
            noticed_at=now,
            value=-100,
            worst=-100,
        )
        self._cutoff(now)
        self._resale()
        self._online(now)
        self._settings()

    def _cutoff(self, now: Any) -> None:
        from prewatt.domain.cutoff.models import Grace, Notice, Standing

        Standing.objects.create(
            opening=self.opening, stage="due", why="not_told", platform=True, money_fen=-100, since=now, due_since=now
        )
        self.notice = Notice.objects.create(opening=self.opening, word="first", at=now, money_fen=-100)
        letter = "F" if self.foreign else "A"
        facts: dict[str, Any] = {"opening": self.opening, "by": self.manager, "at": now}
        Grace.objects.create(id=f"grace-{letter}", amount_fen=2_000, until=now + timedelta(days=2), reason="x", **facts)

    def _online(self, now: Any) -> None:
        from prewatt.domain.payments.models import Attempt, Bill, Difference

        letter = "F" if self.foreign else "A"
        self.online = Attempt.objects.create(
            order_no=f"2026060100000{letter}",
            order_id=f"order-{letter}",
            opening=self.opening,
            meter=self.meters[0],
            customer=self.customer,
            amount_fen=1_000,
            facts={"room": self.room.number, "meter": self.meters[0].number},
            channel="alipay",
            way="code",
            created_at=now,
            expires_at=now,
            state="paid",
            state_at=now,
            paid_at=now,
            paid_fen=1_000,
            settled_at=now,
            became="wallet",
            why="late",
        )
        bill, _made = Bill.objects.get_or_create(
            channel="alipay", day=now.date(), defaults={"next_try_at": now, "fetched_at": now}
        )
        self.provider_bill = bill
        self.bill_difference = Difference.objects.create(
            bill=bill,
            key=f"credit:{letter}",
            kind="not_credited",
            attempt=self.online,
            order_no=self.online.pk,
            theirs_fen=1_000,
            since=now,
        )

    def _resale(self) -> None:
        from datetime import date

        from prewatt.domain.resale.models import ClearBack, ClearBackLine, PurchaseBill

        letter, month = "F" if self.foreign else "A", date(2026, 5, 1)
        facts: dict[str, Any] = {"building": self.building}
        self.bill = PurchaseBill.objects.create(
            **facts,
            month=month,
            number="外楼账单" if self.foreign else "本楼账单",
            energy_flat_wh=1000,
            amount_flat_fen=80,
            entered_at=self.counter.now,
            entered_by=self.manager,
        )
        self.run = ClearBack.objects.create(
            **facts,
            id=f"run-{letter}",
            first_month=month,
            last_month=month,
            reason="外楼" if self.foreign else "本楼",
            total_fen=1,
            operator=self.manager,
            second_person=self.counter.admin,
            at=self.counter.now,
        )
        ClearBackLine.objects.create(
            run=self.run,
            opening=self.opening,
            month=month,
            energy_wh=0,
            charged_fen=1,
            allowed_fen=0,
            before_fen=0,
            fen=1,
        )

    def _settings(self) -> None:
        from prewatt.domain.control.models import NeverCut
        from prewatt.domain.estate.models import Area, Upload
        from prewatt.domain.lists.models import Export, SavedFilter
        from prewatt.domain.notices.models import Carrier, Message
        from prewatt.domain.staff.models import ApiToken
        from prewatt.domain.tariff.history import five_prices, keep_version
        from prewatt.domain.tariff.models import Plan
        from prewatt.domain.vending.presets import Preset, PresetRow
        from prewatt.domain.webhooks.models import Delivery, Endpoint

        letter, first = "F" if self.foreign else "A", self.meters[3]
        self.preset = Preset.objects.create(
            id=f"preset-{letter}", name=f"{first.number}.xlsx", operator=self.manager, made_at=self.counter.now
        )
        PresetRow.objects.create(preset=self.preset, number=2, meter=first, state="ready")

        self.export = Export.objects.create(
            id=f"export-{letter}",
            operator=self.manager,
            path="/sales/",
            language="en",
            title="外楼" if self.foreign else "本楼",
            asked_at=self.counter.now,
            rows_total=1,
        )
        self.saved = SavedFilter.objects.create(
            operator=self.manager,
            path="/sales/",
            name="外楼" if self.foreign else "本楼",
            query="text=101",
            saved_at=self.counter.now,
        )
        self.token = ApiToken.objects.create(
            name="外楼程序" if self.foreign else "本楼程序",
            operator=self.manager,
            digest=f"token-{letter}",
            begins="pw_",
            form=f"token-{letter}",
            created_at=self.counter.now,
            created_by=self.manager,
            expires_at=self.counter.now,
        )
        self.endpoint = Endpoint.objects.create(
            name="外楼平台" if self.foreign else "本楼平台",
            url="https://example.com/",
            nonce=letter,
            form_id=f"webhook-{letter}",
            created_at=self.counter.now,
            created_by=self.manager,
        )
        self.delivery = Delivery.objects.create(
            endpoint=self.endpoint, event="test", event_id=f"test:{letter}", at=self.counter.now, body="{}"
        )
        self.carrier = Carrier.objects.create(
            name="外楼通道" if self.foreign else "本楼通道",
            kind="wecom",
            door="group",
            form_id=f"carrier-{letter}",
            created_at=self.counter.now,
            created_by=self.manager,
        )
        self.message = Message.objects.create(
            key=f"notice-{letter}",
            kind="low1",
            to="13800138000",
            language="zh",
            text="外楼余额不足" if self.foreign else "本楼余额不足",
            meter=first,
            state="failed",
            made_at=self.counter.now,
            not_before=self.counter.now,
            expires_at=self.counter.now,
        )
        self.area = Area.objects.create(building=self.building, name="外楼东区" if self.foreign else "东区")
        self.vital = NeverCut.objects.create(
            meter=self.meters[3], kind="lift", set_at=self.counter.now, set_by=self.manager
        )
        self.plan = Plan.objects.create(
            name=f"plan {letter}",
            **dict.fromkeys([f"price_{band}_e4" for band in ("sharp", "peak", "flat", "valley", "deep")], 7000),
            created_at=self.counter.now,
            changed_at=self.counter.now,
            created_by=self.manager,
        )
        keep_version(
            plan=self.plan,
            document=five_prices(self.plan),
            effective_from=self.counter.now,
            operator=self.manager,
            now=self.plan.created_at,
        )
        self.upload = Upload.objects.create(
            key="up-F" if self.foreign else "up-A",
            name="外楼.xlsx" if self.foreign else "本楼.xlsx",
            content=b"",
            made_at=self.counter.now,
            made_by=self.manager,
        )

    def _billed(self) -> None:
        """An account whose balance lives in the ledger, paid afterwards."""
        from datetime import date

        from prewatt.domain.billing.models import Billing, Statement
        from prewatt.domain.billing.operations import begin
        from prewatt.domain.estate.models import Opening

        now = self.counter.now
        self.billed = Opening.objects.create(meter=self._meter(4), customer=self.customer, opened_at=now)
        asked = "billed-F" if self.foreign else "billed-A"
        begin(opening=self.billed, asked=asked, billing=Billing.POSTPAID, overdraft_fen=0, switch_on_min_fen=0)
        self.statement = Statement.objects.create(
            opening=self.billed,
            month=date(2026, 6, 1),
            first_day=date(2026, 6, 1),
            last_day=date(2026, 6, 30),
            energy_wh=1000,
            used_fen=100,
            corrected_fen=0,
            brought_fen=0,
            paid_fen=0,
            billed_fen=100,
            days=[["2026-06-02", 1000, 100]],
            made_at=now,
        )
