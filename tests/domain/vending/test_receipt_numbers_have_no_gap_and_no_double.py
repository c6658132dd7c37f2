"""Receipt numbers per series: whoever fails takes none, whoever is killed takes none, and a year begins at one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from counter import Counter
from prewatt.domain.audit.verify import verify
from prewatt.domain.vending import receipts
from prewatt.domain.vending.models import Sale, Series
from prewatt.domain.vending.operations import Refused
from prewatt.units.values import Money

CASHIERS, EACH = 8, 6


@pytest.fixture
def counter(db: None) -> Counter:
    one = Counter(meters=CASHIERS)
    for meter in one.meters:
        one.opened(meter)
    return one


def numbers(series: str = "S2026") -> list[int]:
    return sorted(Sale.objects.filter(series=series).values_list("number", flat=True))


def sell(counter: Counter, key: str, meter: Any, amount: str = "1") -> None:
    from prewatt.domain.vending.operations import sell as book

    book(sale_id=key, meter=meter, amount=amount, tender="cash", operator=counter.cashier, now=counter.later())


def test_a_refused_sale_takes_no_number(counter: Counter) -> None:
    sell(counter, "s1", counter.meters[0])
    for key, amount in (("s2", "0"), ("s3", "-1"), ("s4", str(Money(counter.meters[0].ceiling_fen + 1)))):
        with pytest.raises(Refused):
            sell(counter, key, counter.meters[0], amount)
    sell(counter, "s5", counter.meters[0])
    assert numbers() == [1, 2]


def test_each_year_and_each_kind_counts_for_itself(counter: Counter) -> None:
    with transaction.atomic():
        taken = [
            receipts.next_number(kind, at)
            for at in (datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), datetime(2026, 12, 31, 16, 0, tzinfo=UTC))
            for kind in (receipts.SALE, receipts.REFUND, receipts.SALE)
        ]
    assert taken == [("S2026", 1), ("T2026", 1), ("S2026", 2), ("S2027", 1), ("T2027", 1), ("S2027", 2)]


def test_the_database_itself_refuses_a_number_that_is_left_out_or_given_twice(counter: Counter) -> None:
    from django.db import Error

    sell(counter, "s1", counter.meters[0])
    for last in (3, 1, 0):
        with pytest.raises(Error), transaction.atomic():
            Series.objects.filter(code="S2026").update(last=last)


SCRIPT = Path(__file__).parents[2] / "cashiers.py"


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[[str], str]) -> dict[str, str]:
    """A database of its own, with meters to sell to."""
    one = os.environ | {
        "PREWATT_DATABASE": new_database(request.param),
        "PREWATT_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
    }
    _call(one, str(SCRIPT), "PREPARE", "2")
    return one


def _call(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def _issued(said: str) -> list[int]:
    """The numbers of this year's sales, in a cashier's answer."""
    pairs = [pair[1].split("-") for pair in json.loads(said)]
    assert {series for series, _number in pairs} <= {f"S{datetime.now(UTC).year}"}
    return [int(number) for _series, number in pairs]


def test_eight_cashiers_at_once_of_whom_some_fail_leave_no_gap(shop: dict[str, str]) -> None:
    """Every third sale breaks after its number was taken: its transaction goes back, and its number with it."""
    running = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), "BREAK", str(at * EACH), str((at + 1) * EACH)],
            env=shop,
            stdout=subprocess.PIPE,
            text=True,
        )
        for at in range(CASHIERS)
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0] * CASHIERS
    kept = sorted(number for one in said for number in _issued(one))
    assert kept == list(range(1, CASHIERS * EACH * 2 // 3 + 1))
    _call(shop, "-m", "prewatt.server.cli", "audit", "verify")


HANGING = """
import sys, time
sys.argv = ["cashiers.py"]
sys.path.insert(0, {tests!r})
import cashiers
from django.db import transaction
from prewatt.domain.vending.models import Sale
with transaction.atomic():
    cashiers.sell_all({first}, {first} + 1)
    print(Sale.objects.order_by("-number").first().number, flush=True)
    time.sleep(60)
"""


def test_a_cashier_killed_with_a_number_in_hand_leaves_it_to_the_next(shop: dict[str, str]) -> None:
    _call(shop, str(SCRIPT), "SELL", "0", "3")
    hanging = HANGING.format(tests=str(SCRIPT.parent), first=3)
    killed = subprocess.Popen([sys.executable, "-c", hanging], env=shop, stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    assert killed.stdout.readline().strip() == "4", "he holds number four, not yet committed"
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    time.sleep(0.2)
    said = _call(shop, str(SCRIPT), "SELL", "4", "6")
    assert [f"S{datetime.now(UTC).year}-00000{n}" for n in (4, 5)] == [
        pair[1] for pair in __import__("json").loads(said)
    ]
    _call(shop, "-m", "prewatt.server.cli", "audit", "verify")


def test_after_a_restore_no_number_stands_on_two_papers(counter: Counter) -> None:
    from prewatt.domain.dispatch.restores import restored

    for nth in range(3):
        sell(counter, f"s{nth}", counter.meters[nth])
    point = restored(backup_made_at=counter.now, now=counter.now)
    for nth in range(3, 6):
        sell(counter, f"s{nth}", counter.meters[nth])
    assert numbers() == [1, 2, 3]
    assert numbers(f"S2026{point.series}") == [1, 2, 3]
    assert len({one.receipt for one in Sale.objects.all()}) == 6
    assert [one for one in verify().findings if one.check == "receipts"] == []
