"""日结: the sheet of a business day, and a person's signature under it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from prewatt.domain.estate import scope
from prewatt.domain.ledger import queries as ledger
from prewatt.domain.ledger import sealing
from prewatt.domain.ledger.models import Checkpoint, DaySeal, Seal
from prewatt.domain.reports import summing
from prewatt.domain.reports.models import DayClose
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.models import Operator
from prewatt.domain.staff.refusals import Refused
from prewatt.domain.staff.rights import Right
from prewatt.domain.turns import give_way
from prewatt.domain.vending import shifts
from prewatt.domain.vending.models import BackState, Refund, Reversal, Sale, SaleState, Shift

NOTE_MAX = 400
_NAMES = ("sold_fen", "sold_count", "refunded_fen", "refunded_count", "reversed_fen", "reversed_count", "income_fen")

_SHIFT_NAMES = ("opened_at", "closed_at", "counted_fen", "difference_fen", "reason")


class DayNotOver(Refused):
    code = "day_not_over"
    retry = True


class SignedAlready(Refused):
    code = "signed_already"


class NoRight(Refused):
    code = "no_right"


class NothingSealed(Refused):
    code = "nothing_sealed"
    retry = True


@dataclass(frozen=True, slots=True)
class Sheet:
    """A day's figures as plain numbers and texts, as they are signed and printed.

    `methods` and `sellers`: rows of sums, each with its `who`. `shifts`: one a drawer. `on_the_way` and `ledger` are as
    they stand at the moment of asking: money on its way to meters and back, and the ledger's accounts added up by code.
    `earlier`: sales of earlier days that were turned round on this one, a row each: they belong to this day's books.
    `chain`: the last seal of the ledger that the figures cover, so that they can be made again; None before signing.
    """

    day: date
    total: Mapping[str, int]
    methods: list[Mapping[str, Any]]
    sellers: list[Mapping[str, Any]]
    shifts: list[Mapping[str, Any]]
    earlier: list[Mapping[str, Any]]
    on_the_way: Mapping[str, Mapping[str, int]]
    ledger: Mapping[str, int]
    chain: int | None = None

    def figures(self) -> dict[str, Any]:
        named = ("total", "methods", "sellers", "shifts", "earlier", "on_the_way", "ledger", "chain")
        return {name: getattr(self, name) for name in named}


def sheet(*, operator: Operator, day: date) -> Sheet:
    """The whole site's day as it stands now. Raises NotYours for whoever sees only some buildings."""
    scope.check_site(operator)
    return _sheet(day, None, ledger.balances_by_code())


def _sealed_sheet(day: date) -> Sheet:
    """As the ledger's chain of seals has it, up to its present end: what is booked a moment later is not in it."""
    checkpoint = Checkpoint.objects.aggregate(upto=Max("upto"))["upto"] or 0
    while sealing.seal():
        give_way()
    chain = Seal.objects.aggregate(last=Max("seq"))["last"] or 0
    return _sheet(day, chain, ledger.sealed_by_code(upto_seq=chain, checkpoint=checkpoint))


def _sheet(day: date, chain: int | None, balances: Mapping[str, int]) -> Sheet:
    cells = summing.live(since=day, upto=day + timedelta(days=1), sealed_upto=chain)
    whole = summing.Sums()
    for sums in cells.values():
        whole.add(sums)
    return Sheet(
        day=day,
        total=_named(whole),
        methods=_split(cells, "tender", str),
        sellers=_sellers(cells),
        shifts=_shifts(day),
        earlier=_earlier(day, chain),
        on_the_way=_on_the_way(day),
        ledger=balances,
        chain=chain,
    )


def _named(sums: summing.Sums) -> dict[str, int]:
    return {name: getattr(sums, name) for name in _NAMES}


def _sellers(cells: Mapping[summing.Cell, summing.Sums]) -> list[Mapping[str, Any]]:
    """With their ids: a name may be another one later."""
    names = {one.pk: str(one) for one in Operator.objects.filter(pk__in={cell.seller_id for cell in cells})}
    rows = _split(cells, "seller_id", int)
    return [{**row, "who": names.get(row["who"]), "id": row["who"]} for row in rows]


def _split(cells: Mapping[summing.Cell, summing.Sums], name: str, word: Any) -> list[Mapping[str, Any]]:
    found: dict[Any, summing.Sums] = {}
    for cell, sums in cells.items():
        found.setdefault(getattr(cell, name), summing.Sums()).add(sums)
    return [{"who": word(who), **_named(sums)} for who, sums in sorted(found.items(), key=lambda one: str(one[0]))]


def _shifts(day: date) -> list[Mapping[str, Any]]:
    found = Shift.objects.filter(business_day=day).select_related("operator").order_by("opened_at")
    return [
        {
            "who": str(one.operator),
            "opened_at": one.opened_at.isoformat(),
            "closed_at": one.closed_at.isoformat() if one.closed_at else "",
            "expected_fen": shifts.drawer(one).expected_fen,
            "counted_fen": one.counted_fen,
            "difference_fen": one.difference_fen,
            "reason": one.reason,
        }
        for one in found
    ]


def _earlier(day: date, chain: int | None) -> list[Mapping[str, Any]]:
    done = Reversal.objects.filter(business_day=day, state=BackState.DONE, sale__business_day__lt=day)
    found = summing.booked(done, chain)
    return [
        {
            "receipt": one.receipt,
            "sale": one.sale.receipt,
            "sold_on": one.sale.business_day.isoformat(),
            "fen": one.amount_fen,
        }
        for one in found.select_related("sale").order_by("series", "number")
    ]


_WAYS = {SaleState.PAID: "to_meters", SaleState.UNCLEAR: "unclear", SaleState.WAITING: "in_wallets"}


def _on_the_way(day: date) -> dict[str, dict[str, int]]:
    """What was sold up to this day and is not on its meter yet, and what is on its way back."""
    sales = Sale.objects.filter(business_day__lte=day, state__in=sorted(_WAYS)).order_by().values("state")
    states = {row["state"]: row for row in sales.annotate(fen=Sum("amount_fen"), number=Count("pk"))}
    nothing = {"fen": 0, "number": 0}
    found = {name: _plain(states.get(state, nothing)) for state, name in _WAYS.items()}
    back = {"state__in": (BackState.SENDING, BackState.UNCLEAR)}
    return found | {
        "refunds": _counted(Refund.objects.filter(**back)),
        "reversals": _counted(Reversal.objects.filter(**back)),
    }


def _plain(row: Mapping[str, Any]) -> dict[str, int]:
    return {"fen": int(row["fen"]), "number": int(row["number"])}


def _counted(rows: QuerySet[Any]) -> dict[str, int]:
    found = rows.order_by().aggregate(fen=Sum("amount_fen", default=0), number=Count("pk"))
    return _plain(found)


def sign(*, day: date, form_id: str, note: str = "", operator: Operator, now: datetime, address: str = "") -> DayClose:
    """Sign a day that is over. The same form again finds what it signed first.

    Raises DayNotOver, SignedAlready, NoRight, NotYours, NothingSealed.
    """
    if not operator.may(Right.AUDIT):
        raise NoRight(
            _("%(who)s may not sign a day. Nothing was signed. Ask the head of finance.") % {"who": operator.username}
        )
    scope.check_site(operator)
    if day >= timezone.localdate(now):
        raise DayNotOver(
            _("%(day)s is not over yet. Nothing was signed. Sign it tomorrow, when all its money has been counted.")
            % {"day": day.isoformat()}
        )
    sealed = sealing.seal_day(day=day, now=now)
    if sealed is None:
        raise NothingSealed(_("The ledger holds no transfer yet. Nothing was signed: there is nothing to sign."))
    figures = _sealed_sheet(day).figures()
    try:
        closed = _sign(day, form_id, note.strip()[:NOTE_MAX], figures, sealed, by=(operator, now, address))
    except IntegrityError:
        closed = None
    return closed or _same(day, form_id)


@transaction.atomic
def _sign(
    day: date,
    form_id: str,
    note: str,
    figures: dict[str, Any],
    sealed: DaySeal,
    *,
    by: tuple[Operator, datetime, str],
) -> DayClose | None:
    """None when somebody was first."""
    if DayClose.objects.filter(day=day).exists():
        return None
    operator, now, address = by
    closed = DayClose.objects.create(
        day=day,
        form_id=form_id,
        closed_at=now,
        closed_by=operator,
        note=note,
        figures=figures,
        seal_seq=sealed.seq,
        seal_sha256=sealed.sha256,
        sha256=digest(day=day, figures=figures, note=note, signed_by=operator.username, at=now, seal=sealed.sha256),
    )
    _log(closed, address)
    return closed


def _log(closed: DayClose, address: str) -> None:
    staff.log(
        operator=closed.closed_by,
        action="day.sign",
        target=f"day {closed.day.isoformat()}",
        after={"income_fen": closed.figures["total"]["income_fen"], "sha256": closed.sha256},
        address=address,
        now=closed.closed_at,
    )


def _same(day: date, form_id: str) -> DayClose:
    first = DayClose.objects.select_related("closed_by").get(day=day)
    if first.form_id != form_id:
        raise SignedAlready(
            _("%(day)s was signed by %(who)s already. Nothing was changed: what came later belongs to a later day.")
            % {"day": day.isoformat(), "who": first.closed_by}
        )
    return first


def digest(*, day: date, figures: Mapping[str, Any], note: str, signed_by: str, at: datetime, seal: str) -> str:
    """What is printed under the sheet: anybody can make it again from the sheet's own figures."""
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    content = [day.isoformat(), figures, note, signed_by, moment, seal]
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def untouched(closed: DayClose) -> bool:
    """Is what stands there still what was signed?"""
    again = digest(
        day=closed.day,
        figures=closed.figures,
        note=closed.note,
        signed_by=closed.closed_by.username,
        at=closed.closed_at,
        seal=closed.seal_sha256,
    )
    return again == closed.sha256


def chain_of(closed: DayClose) -> int | None:
    """The last seal that the figures cover; None for a sheet that does not say."""
    chain = closed.figures.get("chain")
    return chain if isinstance(chain, int) else None


def differing(closed: DayClose) -> tuple[str, ...]:
    """The figures that do not follow any more from the books, up to where the chain stood when the day was signed.

    What nobody can make again is not asked: names, what was on its way at that moment, and drawers that were still
    open. The ledger's balances are `audit`'s, which adds them up over all days in one walk.
    """
    then = _comparable(closed.figures)
    present = _comparable(_sheet(closed.day, chain_of(closed), {}).figures())
    lost = [one for one in then.pop("shifts") if one not in present["shifts"]]
    found = tuple(name for name, value in then.items() if present[name] != value)
    return (*found, "shifts") if lost else found


def _comparable(figures: Mapping[str, Any]) -> dict[str, Any]:
    """People may be called otherwise by now: their ids count."""
    ended = [{name: one[name] for name in _SHIFT_NAMES} for one in figures["shifts"] if one["closed_at"]]
    sellers = {one["id"]: [one[name] for name in _NAMES] for one in figures["sellers"]}
    plain = {name: figures[name] for name in ("total", "methods", "earlier")}
    return {**plain, "sellers": sellers, "shifts": ended}


def since_signed(closed: DayClose) -> dict[str, int]:
    """What was booked on the day after it was signed, by name; empty when nothing was."""
    whole = summing.Sums()
    for sums in summing.live(since=closed.day, upto=closed.day + timedelta(days=1)).values():
        whole.add(sums)
    then: Mapping[str, int] = closed.figures["total"]
    present = _named(whole)
    return {name: present[name] - then[name] for name in _NAMES if present[name] != then[name]}


def signed(*, first_day: date, last_day: date) -> frozenset[date]:
    """Which days of the span are signed."""
    found = DayClose.objects.filter(day__gte=first_day, day__lte=last_day)
    return frozenset(found.values_list("day", flat=True))


def days(*, operator: Operator, first_day: date, last_day: date) -> Iterable[tuple[date, DayClose | None]]:
    """Each day of the span, newest first, with its signature if it has one."""
    scope.check_site(operator)
    signed = {
        one.day: one
        for one in DayClose.objects.filter(day__gte=first_day, day__lte=last_day).select_related("closed_by")
    }
    length = (last_day - first_day).days + 1
    return [(day, signed.get(day)) for day in (last_day - timedelta(days=back) for back in range(length))]
