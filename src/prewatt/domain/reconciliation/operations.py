"""Comparing every account once a day, and again when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from prewatt.domain import rows
from prewatt.domain.metering import board
from prewatt.domain.metering.queries import today
from prewatt.domain.reconciliation import rule
from prewatt.domain.reconciliation.classify import Cause, Classified
from prewatt.domain.reconciliation.facts import explain
from prewatt.domain.reconciliation.models import Line, Run, Total, Verdict
from prewatt.domain.reconciliation.rule import Compared
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

AGAIN_S = 30  # somebody who asks again at once sees what was just found
EXPLAINED_MAX = 300
KEPT_DAYS = 400  # so long the differences of a day can be looked up; its sums stay
MAY_COMPARE = (Right.DECIDE, Right.AUDIT)


class NoRight(Refused):
    code = "no_right"


def daily(*, now: datetime) -> int:
    """Compare every account, once a business day. Returns how many were compared; 0 when it is done already."""
    day = today(now)
    if Run.objects.filter(day=day, at__isnull=False).exists():
        return 0
    return _compare(day, now, operator=None)


def again(*, operator: Operator, now: datetime, address: str = "") -> Run:
    """Compare now, in place of today's result. A double click compares once. Raises NoRight."""
    if not any(operator.may(right) for right in MAY_COMPARE):
        raise NoRight(
            _("%(who)s may not compare the books. Nothing was done. Ask the finance desk.") % {"who": operator}
        )
    _compare(today(now), now, operator=operator, address=address)
    return Run.objects.get(day=today(now))


def _compare(day: date, now: datetime, *, operator: Operator | None, address: str = "") -> int:
    """Looked at in one view of the database, written in one transaction: all of it or nothing."""
    fresh = Q(at__gt=now - timedelta(seconds=AGAIN_S)) if operator else Q(at__isnull=False)
    if Run.objects.filter(fresh, day=day).exists():
        return 0
    with rule.one_view():
        found = rule.compare(board.accounts())
        why = _explained(found, now)
    with transaction.atomic():
        run, _new = Run.objects.select_for_update().get_or_create(day=day)
        if Run.objects.filter(fresh, day=day).exists():
            return 0  # somebody else was at it meanwhile
        _write(run, found)
        _say_why(run, why)
        Run.objects.filter(pk=run.pk).update(at=now, by=operator)
        if operator is not None:
            staff.log(
                operator=operator,
                action="reconciliation.again",
                target=f"day {day}",
                after={"accounts": len(found), "differ": sum(one.verdict == Verdict.DIFFERS for one in found)},
                address=address,
                now=now,
            )
    return max(1, len(found))


def _explained(found: Iterable[Compared], now: datetime) -> dict[int, Classified]:
    """By account. More than so many at once are no single meters' differences."""
    differing = [one for one in found if one.verdict == Verdict.DIFFERS][:EXPLAINED_MAX]
    return {one.opening: explain(one, now=now) for one in differing}


def _say_why(run: Run, why: Mapping[int, Classified]) -> None:
    lines = list(Line.objects.filter(run=run, opening__in=list(why)))
    before = Line.objects.filter(run__lt=run.day, opening__in=list(why)).order_by("run")
    last_run = Run.objects.filter(day__lt=run.day, at__isnull=False).order_by("-day").values_list("day", flat=True)
    since = {one.opening_id: one.since or one.run_id for one in before.filter(run=last_run.first())} if why else {}
    for line in lines:
        told = why[line.opening_id]
        line.cause = (told.cause or Cause.UNEXPLAINED).value
        line.drift_fen = told.drift_fen
        line.since = since.get(line.opening_id, run.day)
    Line.objects.bulk_update(lines, ["cause", "drift_fen", "since"], batch_size=200)


_KEPT = [field.name for field in fields(Compared) if field.name != "number"]
_COLUMNS = [f"{name}_id" if name in {"opening", "meter", "building"} else name for name in _KEPT]


def _write(run: Run, found: Sequence[Compared]) -> None:
    Line.objects.filter(run=run).delete()
    past = Line.objects.filter(run__lt=run.day)
    past.filter(~Q(verdict=Verdict.DIFFERS) | Q(run__lt=run.day - timedelta(days=KEPT_DAYS))).delete()
    lines = ([_plain(getattr(one, name)) for name in _KEPT] for one in found)
    rows.insert(Line(run=run, verdict="", purchases=0, count_books=0, books_fen=0), _COLUMNS, lines)
    Total.objects.filter(run=run).delete()
    Total.objects.bulk_create(_totals(run, found))


def _plain(value: object) -> object:
    return value.value if isinstance(value, Verdict) else value


def _totals(run: Run, found: Iterable[Compared]) -> Iterable[Total]:
    places: dict[int | None, list[Compared]] = {}
    for one in found:
        places.setdefault(one.building, []).append(one)
    for building, lines in places.items():
        counted = {verdict.value: sum(one.verdict == verdict for one in lines) for verdict in Verdict}
        yield Total(
            run=run,
            building_id=building,
            accounts=len(lines),
            books_fen=sum(one.books_fen for one in lines if one.meter_fen is not None),
            meters_fen=sum(one.meter_fen or 0 for one in lines),
            unbooked_fen=sum(one.unbooked_fen or 0 for one in lines),
            moving_fen=sum(one.moving_fen for one in lines),
            surplus_fen=sum(one.surplus_fen or 0 for one in lines),
            unexplained_fen=sum(one.unexplained_fen or 0 for one in lines),
            **counted,
        )
