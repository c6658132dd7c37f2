"""Sixty days at once are closed in many small transactions with a rest between, as if closed day by day."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from domain.metering.site import Site, at, look
from prewatt.domain import settlement
from prewatt.domain.ledger import sealing
from prewatt.domain.metering import closing
from prewatt.domain.metering import operations as metering
from prewatt.domain.metering.models import UsageDay, UsageHour

DAYS, PER_DAY = 60, 48
END = DAYS * 24 * 60 + 50


def fill(site: Site, *, meters: int = 3, minutes_off: int = 0) -> None:
    for number in range(1, meters):
        site.add(f"03000105{number:02d}")
    for unit, meter in enumerate(site.gateway.buses.get().meters.all(), 1):
        step = 24 * 60 // PER_DAY
        looks = [
            look(
                meter,
                turn * step + (minutes_off if turn else 0),
                energy_wh=turn * 50 * unit,
                energy_flat_wh=turn * 50 * unit,
                bought_fen=500_00,
                balance_fen=500_00 - 3 * turn,
            )
            for turn in range(DAYS * PER_DAY + 2)
        ]
        metering.record_readings(looks, gateway=site.gateway, now=at(END))


def rows() -> tuple[list[object], list[object]]:
    days = UsageDay.objects.order_by("meter", "day").values("meter", "day", "energy_wh", "deducted_fen", "counter_fen")
    hours = UsageHour.objects.order_by("meter", "start_ms").values_list("meter", "start_ms", "energy_wh", "filled")
    return list(days.values_list()), list(hours)


def test_no_transaction_of_a_closing_looks_at_more_than_a_few_thousand_readings(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(site)
    read: list[int] = []
    per: list[int] = []
    true = closing._readings

    def counting(*args: object, **more: object) -> object:
        found = true(*args, **more)  # type: ignore[arg-type]
        read.append(len(found))
        return found

    monkeypatch.setattr(closing, "_readings", counting)
    monkeypatch.setattr(closing, "give_way", lambda: per.append(sum(read) - sum(per)))
    for close in (closing.close_hours, closing.close_days):
        read.clear()
        per.clear()
        close(now=at(END))
        per.append(sum(read) - sum(per))
        assert sum(per) >= 3 * DAYS * PER_DAY
        assert max(per) < closing.READINGS_TOGETHER + closing.READINGS_OF_ONE_MAX
    assert closing.READINGS_TOGETHER + closing.READINGS_OF_ONE_MAX <= 5_000


@pytest.mark.parametrize("minutes_off", [0, 4, 11])
def test_portions_come_out_as_the_whole(site: Site, monkeypatch: pytest.MonkeyPatch, minutes_off: int) -> None:
    fill(site, meters=2, minutes_off=minutes_off)
    for name in ("READINGS_TOGETHER", "READINGS_OF_ONE_MAX"):
        monkeypatch.setattr(closing, name, 10**9)
    site.close(END)
    whole = rows()
    assert len(whole[0]) == 2 * DAYS
    for model in (UsageDay, UsageHour):
        model.objects.all().delete()
    closing.Dirty.objects.update(since_ms=1, days_since_ms=1)
    for portion in (100, 337):
        for name in ("READINGS_TOGETHER", "READINGS_OF_ONE_MAX"):
            monkeypatch.setattr(closing, name, portion)
        closing.Dirty.objects.update(since_ms=1, days_since_ms=1)
        site.close(END)
        assert [row[1:] for row in rows()[0]] == [row[1:] for row in whole[0]]
        assert rows()[1] == whole[1]
        assert not closing.Dirty.objects.filter(since_ms__lt=closing.CLEAN_MS).exists()


def test_more_readings_in_a_day_than_a_portion_holds_still_close_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "READINGS_OF_ONE_MAX", 20)
    fill(site, meters=1)
    site.close(END)
    assert UsageDay.objects.count() == DAYS


def test_the_money_of_the_days_is_booked_a_few_days_a_transaction(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(site)
    site.close(END)
    rests: list[int] = []
    monkeypatch.setattr(
        settlement, "give_way", lambda: rests.append(UsageDay.objects.filter(posted_version__gt=0).count())
    )
    assert settlement.post_closed_days(now=at(END)) == 3 * DAYS
    assert settlement.DAYS_PER_TRANSACTION <= 20
    assert rests == list(range(settlement.DAYS_PER_TRANSACTION, 3 * DAYS, settlement.DAYS_PER_TRANSACTION))


def test_who_has_nothing_to_seal_takes_no_lock(db: None) -> None:
    from prewatt.domain.staff.sealing import seal_log

    with CaptureQueriesContext(connection) as seen:
        assert sealing.seal() == 0
        assert seal_log() == 0
    assert [query["sql"] for query in seen if query["sql"].startswith(("SAVEPOINT", "BEGIN"))] == []
    assert sealing.SEALS_TOGETHER <= 500
