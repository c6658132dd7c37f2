"""Fail the N-th statement, for every N: what is found afterwards is everything or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction

from counter import Counter
from prewatt.domain.audit.verify import verify
from prewatt.domain.settlement import cancel, decide
from prewatt.domain.vending.operations import open_account, pay_out, refund, resend, reverse
from prewatt.link.messages import Outcome

STATEMENTS_MAX = 200


class Killed(BaseException):
    """Not an Exception: nothing on the way may catch it and carry on."""


class KillAt:
    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):  # the test's own nesting, not ours
            self.left -= 1
            if self.left == 0:
                raise Killed
        return execute(sql, params, many, context)


def everything() -> dict[str, Any]:
    """Every row of the money rooms."""
    labels = ("ledger", "dispatch", "vending", "estate", "staff")
    return {
        model._meta.label: sorted(map(repr, model._default_manager.values()))
        for label in labels
        for model in apps.get_app_config(label).get_models()
    }


def waiting(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    cancel(order_id="s1", operator=counter.admin, now=counter.now)


def arrived(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    counter.arrive("s1")
    counter.sell("s2", "10")
    counter.arrive("s2")


def leased(counter: Counter) -> None:
    counter.opened()
    counter.sell("s1", "100")
    counter.sell("s2", "50")
    counter.lease()


def refunding(counter: Counter) -> None:
    arrived(counter)
    give_back(counter)
    counter.lease()


def unclear(counter: Counter) -> None:
    leased(counter)
    counter.settle("s1", Outcome.UNCLEAR, purchase_count=4, bought_fen=10_000)


def give_back(counter: Counter) -> None:
    refund(
        refund_id="r1",
        meter=counter.meters[0],
        amount="40",
        tender="cash",
        operator=counter.admin,
        now=counter.now,
    )


def settle_done(order_id: str, **after: int) -> Callable[[Counter], None]:
    def act(counter: Counter) -> None:
        counter.settle(order_id, Outcome.DONE, **after)

    return act


def settle_refused(counter: Counter) -> None:
    counter.settle("s1", Outcome.REFUSED, reason="above_ceiling")


STORIES: dict[str, tuple[Callable[[Counter], Any], Callable[[Counter], Any]]] = {
    "sell": (lambda c: c.opened(), lambda c: c.sell("s1", "100")),
    "settle done": (leased, settle_done("s1", purchase_count=1, bought_fen=10_000)),
    "settle refused": (leased, settle_refused),
    "refund": (arrived, give_back),
    "refund done": (refunding, settle_done("r1", purchase_count=3, bought_fen=7_000)),
    "reverse": (arrived, lambda c: reverse(reversal_id="v1", sale_id="s1", operator=c.admin, now=c.now)),
    "reverse from wallet": (waiting, lambda c: reverse(reversal_id="v1", sale_id="s1", operator=c.admin, now=c.now)),
    "resend": (waiting, lambda c: resend(order_id="o2", sale_id="s1", operator=c.cashier, now=c.now)),
    "pay out": (waiting, lambda c: pay_out(refund_id="r1", sale_id="s1", tender="cash", operator=c.admin, now=c.now)),
    "cancel": (lambda c: (c.opened(), c.sell("s1", "5")), lambda c: cancel(order_id="s1", operator=c.admin, now=c.now)),
    "decide": (
        unclear,
        lambda c: decide(order_id="s1", applied=True, operator=c.admin, reason="seen", now=c.now),
    ),
    "open account": (
        lambda c: None,
        lambda c: open_account(
            opening_id="o1",
            meter=c.meters[0],
            customer=c.customer,
            first_amount="50",
            carried_in="7",
            tender="cash",
            operator=c.cashier,
            now=c.now,
        ),
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_killed_at_any_statement_nothing_is_half_done(counter: Counter, name: str) -> None:
    prepare, act = STORIES[name]
    prepare(counter)
    before = everything()
    for number in range(1, STATEMENTS_MAX):
        point = transaction.savepoint()
        try:
            with connection.execute_wrapper(KillAt(number)):
                act(counter)
        except Killed:
            assert everything() == before, f"killed at statement {number}"
            transaction.savepoint_commit(point)
            continue
        break
    assert number > 5
    assert number < STATEMENTS_MAX - 1
    assert everything() != before
    assert [finding for finding in verify().findings if finding.check != "meters"] == []


@pytest.mark.parametrize("name", ["sell", "refund", "reverse", "resend", "pay out", "open account"])
def test_the_same_form_sent_again_books_nothing_more(counter: Counter, name: str) -> None:
    prepare, act = STORIES[name]
    prepare(counter)
    act(counter)
    after = everything()
    act(counter)
    assert everything() == after
