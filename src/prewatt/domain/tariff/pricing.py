"""What one meter's use costs: its plans and their versions, in the order of time, as the rules that price them.

`rules_of` is the one door: whoever prices a meter (billing, an explanation, a check of the books) asks it and prices
with `priced`. What is past never changes here: versions and changes of plan are rows that the database keeps.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

from prewatt.domain.tariff.history import whole_second
from prewatt.domain.tariff.models import PlanChange, PlanVersion
from prewatt.domain.tariff.rules import plan as rules
from prewatt.domain.tariff.rules.charging import NOBODY, Bill, Customer, price
from prewatt.domain.tariff.rules.reading import parse
from prewatt.domain.tariff.rules.timeline import CannotPrice, Interval, ordered, seconds, split


@dataclass(frozen=True, slots=True)
class Source:
    """Where a version of the rules comes from: a plan's version, and from when this meter was charged by it."""

    plan_id: int
    plan_name: str
    number: int
    version_id: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for a meter from `since` to before `until` (None: on and on), as one plan.

    `plan.versions[i]` comes from `sources[i]`; a `Line.version` of a charge is that i. Two plans, or two versions, with
    the same settlement and rounding stand in one `Rules`: a ladder goes on counting over the change. Where settlement,
    rounding or zone differ, a new `Rules` begins, and with it a new statement.
    """

    since: datetime
    until: datetime | None
    plan: rules.Plan
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    since: datetime
    until: datetime | None
    row: PlanVersion
    read: rules.Plan


def rules_of(meter_id: int, *, until: datetime | None = None) -> tuple[Rules, ...]:
    """The rules of one meter from its first plan on, in the order of time, and before `until` (None: all that is known,
    versions of the future included). Empty for a meter that never had a plan.

    A plan of five prices is a version without tables: flat prices any interval; by time of use each interval must bring
    the `band` that the meter counted it in. Tables come with versions that have them.
    """
    return rules_of_many([meter_id], until=until).get(meter_id, ())


def rules_of_many(meter_ids: Iterable[int], *, until: datetime | None = None) -> dict[int, tuple[Rules, ...]]:
    """The same for many meters in two queries; meters without a plan are not in it."""
    end = whole_second(until) if until else None
    changes: defaultdict[int, list[tuple[datetime, int]]] = defaultdict(list)
    rows = PlanChange.objects.filter(meter__in=list(meter_ids)).order_by("since", "pk")
    for meter_id, plan_id, since in rows.values_list("meter", "plan", "since"):
        changes[meter_id].append((whole_second(since), plan_id))
    versions = _versions({plan_id for found in changes.values() for _since, plan_id in found})
    return {pk: tuple(_joined(_stretches(found, versions, end))) for pk, found in changes.items()}


def _versions(plan_ids: Iterable[int]) -> dict[int, list[PlanVersion]]:
    found: defaultdict[int, list[PlanVersion]] = defaultdict(list)
    rows = PlanVersion.objects.filter(plan__in=set(plan_ids), withdrawn_at=None).select_related("plan")
    for row in rows.order_by("effective_from"):
        found[row.plan_id].append(row)
    return found


def _stretches(
    changes: Sequence[tuple[datetime, int]], versions: Mapping[int, Sequence[PlanVersion]], end: datetime | None
) -> Iterable[_Stretch]:
    """From when to when which version held; a meter whose plan has no version yet has none for that while."""
    left = [*(since for since, _plan in changes[1:]), end]
    for (since, plan_id), gone in zip(changes, left, strict=True):
        held = versions.get(plan_id, ())
        over = [*(one.effective_from for one in held[1:]), None]
        for row, later in zip(held, over, strict=True):
            start = max(since, row.effective_from)
            stop = min((one for one in (gone, later, end) if one), default=None)
            if stop is None or start < stop:
                yield _Stretch(start, stop, row, read(row.document))


def read(document: Mapping[str, object]) -> rules.Plan:
    """A kept document as rules. Raises BadPlan for one that is no plan."""
    return _read(json.dumps(document, ensure_ascii=False))


@lru_cache(maxsize=1024)
def _read(text: str) -> rules.Plan:
    return parse(text)


def _joined(stretches: Iterable[_Stretch]) -> Iterable[Rules]:
    """Stretches that settle alike, one after the other, become one plan."""
    for _alike, group in groupby(stretches, lambda one: _settles(one.read)):
        found = list(group)
        zone = ZoneInfo(found[0].read.zone)
        yield Rules(
            since=found[0].since,
            until=found[-1].until,
            plan=replace(found[-1].read, versions=tuple(_version(one, zone) for one in found)),
            sources=tuple(
                Source(one.row.plan_id, one.row.plan.name, one.row.number, one.row.pk, one.since) for one in found
            ),
        )


def _settles(plan: rules.Plan) -> object:
    return plan.zone, plan.currency, plan.settlement, plan.rounding


def _version(stretch: _Stretch, zone: ZoneInfo) -> rules.Version:
    local = [at.astimezone(zone).replace(tzinfo=None) if at else None for at in (stretch.since, stretch.until)]
    return replace(stretch.read.versions[0], since=local[0], until=local[1])


def priced(
    found: Sequence[Rules], intervals: Iterable[Interval], customer: Customer = NOBODY
) -> tuple[tuple[Rules, Bill], ...]:
    """What this use costs, for each of the rules that priced some of it. An interval across their border is cut there.

    Charge as you go by `charged_fen so far - charged already`. Raises CannotPrice for a time without a plan.
    """
    left, bills = ordered(intervals), []
    for one in found:
        start_s, end_s = seconds(one.since), seconds(one.until) if one.until else 2**62
        mine, left = _until(left, end_s)
        if mine and mine[0].start_s < start_s:
            raise CannotPrice(f"the meter has no price plan before {one.since:%Y-%m-%d %H:%M %Z}")
        if mine:
            bills.append((one, price(one.plan, mine, customer)))
    if left:
        raise CannotPrice("the meter has no price plan for all of this time")
    return tuple(bills)


def charged_fen(bills: Iterable[tuple[Rules, Bill]]) -> int:
    return sum(bill.fen for _rules, bill in bills)


def _until(intervals: Sequence[Interval], end_s: int) -> tuple[list[Interval], list[Interval]]:
    before, after = [], []
    for one in intervals:
        if one.end_s <= end_s:
            before.append(one)
        elif one.start_s >= end_s:
            after.append(one)
        else:
            first, second = split(one, end_s)
            before.append(first)
            after.append(second)
    return before, after
