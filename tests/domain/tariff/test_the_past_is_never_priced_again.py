"""Versions of a plan and changes of plan: what is past keeps its price whatever is decided later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from counter import NOW, Counter

HOUR = timedelta(hours=1)
START = NOW.replace(minute=0, second=0, microsecond=0) + HOUR


def plan(counter: Counter, name: str, e4: int, *, at: datetime = NOW, of: Any = None) -> Any:
    from prewatt.domain.tariff.operations import even, save_plan

    return save_plan(
        plan=of, name=name, kind="flat", prices=even(e4), operator=counter.admin, now=at, day=at.date(), reason="r"
    )


def use(counter: Counter, chosen: Any, *, at: datetime = NOW) -> None:
    from prewatt.domain.tariff.operations import assign

    assign(plan=chosen, meter_ids=[counter.meters[0].pk], operator=counter.admin, now=at)


def cost(counter: Counter, start: datetime, end: datetime, wh: int, **more: Any) -> int:
    from prewatt.domain.tariff.pricing import charged_fen, priced, rules_of
    from prewatt.domain.tariff.rules.timeline import Interval

    return charged_fen(priced(rules_of(counter.meters[0].pk, **more), [Interval.between(start, end, wh)]))


def test_a_meter_without_a_plan_has_no_rules(counter: Counter) -> None:
    from prewatt.domain.tariff.pricing import rules_of

    assert rules_of(counter.meters[0].pk) == ()


def test_use_is_priced_by_the_plan_of_its_time(counter: Counter) -> None:
    use(counter, plan(counter, "A", 5_000))
    use(counter, plan(counter, "B", 9_000), at=START + HOUR)
    assert cost(counter, START, START + HOUR, 10_000) == 500
    assert cost(counter, START, START + 2 * HOUR, 20_000) == 500 + 900, "cut where the plan changed"


def test_a_dearer_price_later_leaves_what_was_used_before(counter: Counter) -> None:
    first = plan(counter, "A", 5_000)
    use(counter, first)
    plan(counter, "A", 9_000, of=first, at=START + HOUR)
    assert cost(counter, START, START + HOUR, 10_000) == 500
    assert cost(counter, START + HOUR, START + 2 * HOUR, 10_000) == 900


def test_a_new_name_is_no_version(counter: Counter) -> None:
    first = plan(counter, "A", 5_000)
    plan(counter, "B", 5_000, of=first, at=START)
    assert first.versions.count() == 1


def test_what_holds_until_an_instant_prices_nothing_after_it(counter: Counter) -> None:
    from prewatt.domain.tariff.rules.timeline import CannotPrice

    use(counter, plan(counter, "A", 5_000))
    with pytest.raises(CannotPrice):
        cost(counter, START, START + 2 * HOUR, 1, until=START + HOUR)
    with pytest.raises(CannotPrice):
        cost(counter, NOW - HOUR, NOW, 1)


@pytest.mark.parametrize("name", ["PlanVersion", "PlanChange"])
def test_the_database_keeps_every_row(counter: Counter, name: str) -> None:
    from django.apps import apps
    from django.db import DatabaseError, transaction

    use(counter, plan(counter, "A", 5_000))
    row = apps.get_model("tariff", name).objects.get()
    moment = {"PlanVersion": "effective_from", "PlanChange": "since"}[name]
    with pytest.raises(DatabaseError), transaction.atomic():
        type(row).objects.filter(pk=row.pk).update(**{moment: START})
    with pytest.raises(DatabaseError), transaction.atomic():
        type(row).objects.filter(pk=row.pk).delete()


def test_no_version_begins_before_it_was_made_or_ends_after_it_held(counter: Counter) -> None:
    from django.db import IntegrityError, transaction

    from prewatt.domain.tariff.history import keep_version

    made = plan(counter, "A", 5_000)
    known = {"plan": made, "document": {}, "operator": counter.admin}
    with pytest.raises(IntegrityError), transaction.atomic():
        keep_version(**known, effective_from=NOW - HOUR, now=NOW)
    later = keep_version(**known, effective_from=START, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(later).objects.filter(pk=later.pk).update(withdrawn_at=START, withdrawn_by=counter.admin)


def test_midnight_in_the_plans_zone_is_an_instant(counter: Counter) -> None:
    from prewatt.domain.tariff.pricing import rules_of

    use(
        counter, plan(counter, "A", 5_000, at=datetime(2030, 1, 1, 16, tzinfo=UTC)), at=datetime(2030, 1, 1, tzinfo=UTC)
    )
    (found,) = rules_of(counter.meters[0].pk)
    assert found.since == datetime(2030, 1, 1, 16, tzinfo=UTC)
    assert found.plan.versions[0].since == datetime(2030, 1, 2)  # noqa: DTZ001 - local time of the plan
    assert [(one.plan_name, one.number) for one in found.sources] == [("A", 1)]
