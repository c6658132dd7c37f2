"""平台计费 by a program: opened with its terms, told as such, its terms changed."""

from __future__ import annotations

from typing import Any

import pytest

from counter import NOW, Counter
from web.api.door import Program


@pytest.fixture
def program(counter: Counter) -> Program:
    (meter,) = counter.meters
    meter.allow = ["manual", "observed", "unverified", "simulated"]
    meter.save()
    counter.read(meter)
    return Program(counter.admin)


def plan(counter: Counter) -> int:
    from prewatt.domain.tariff.versions import add_version

    document = {"format": "prewatt-tariff-1", "name": "P", "versions": [{"price": "1"}]}
    facts = {"key": "k", "plan": None, "name": "one", "effective_from": None, "operator": counter.admin}
    return int(add_version(document=document, now=counter.now, day=NOW.date(), **facts).plan.pk)


def body(counter: Counter, **more: Any) -> dict[str, Any]:
    meter = {"meter_id": counter.meters[0].pk, "first_amount_fen": 10_000, "billing": "platform"}
    return {"customer_id": counter.customer.pk, "meters": [meter | more]}


def test_it_is_opened_with_its_terms_and_they_are_changed(counter: Counter, program: Program) -> None:
    made = program.send("/openings", body(counter, plan_id=plan(counter), overdraft_fen=2_000))
    assert made.status_code == 200, made.content
    (account,) = made.json()["items"]
    assert (account["billing"], account["overdraft_fen"], account["switch_on_min_fen"]) == ("platform", 2_000, 0)
    path = f"/accounts/{account['id']}/terms"
    changed = program.send(path, {"switch_on_min_fen": 500}, method="PATCH").json()
    assert (changed["overdraft_fen"], changed["switch_on_min_fen"]) == (2_000, 500)


def test_who_bills_is_changed_by_a_program(counter: Counter, program: Program) -> None:
    made = program.send("/openings", body(counter, plan_id=plan(counter), first_amount_fen=0)).json()["items"][0]
    counter.read(counter.meters[0])
    path = f"/accounts/{made['id']}/change-billing"
    assert program.send(path, {"billing": "platform"}).json()["code"] == "billed_so_already"
    asked = program.send(path, {"billing": "meter"})
    assert asked.status_code == 200, asked.content
    assert (asked.status_code, asked.json()["kind"], asked.json()["lines"][0]["state"]) == (200, "rebill", "reading")


def test_what_cannot_be_billed_here_is_refused_at_its_field(counter: Counter, program: Program) -> None:
    refused = program.send("/openings", body(counter))
    assert (refused.status_code, refused.json()["code"]) == (422, "no_price_plan")
    assert program.send("/openings", body(counter, billing="nobody")).status_code == 422
    opening = counter.opened()
    path = f"/accounts/{opening.pk}/terms"
    assert program.send(path, {"overdraft_fen": 1}, method="PATCH").json()["code"] == "not_billed_here"
