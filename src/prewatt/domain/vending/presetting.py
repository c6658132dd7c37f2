"""批量开户: look at a sheet, open its good rows one by one, try the refused ones again.

Each row is a transaction of its own with an id that follows from sheet and row: whatever dies in between, the next turn
goes on, and nothing opens twice.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from prewatt.domain.estate.customers import Person
from prewatt.domain.estate.models import Customer, Meter, Opening
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import checks, preset_sheet
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.opening_many import Wanted, open_accounts
from prewatt.domain.vending.preset_sheet import NO, PERSON, Line
from prewatt.domain.vending.presets import Preset, PresetRow, RowState
from prewatt.domain.vending.terms import LIMITS, PRICES, Terms
from prewatt.units.values import Money

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

PER_TURN = 20


class NothingReady(Refused):
    code = "nothing_ready"


class OtherPerson(Refused):
    code = "other_person"

    def __init__(self, customer: Customer) -> None:
        super().__init__(
            _("User number %(number)s is %(name)s's. Nothing was booked. Give this tenant another number.")
            % {"number": customer.number, "name": customer.name}
        )


class MayNot(Refused):
    code: ClassVar[str] = "no_right"


def presets(*, operator: Operator) -> QuerySet[Preset]:
    """His own sheets, and for who sees every building all of them, newest first, with how many rows stand how."""
    found = Preset.objects.select_related("operator", "started_by")
    return found if operator.all_buildings else found.filter(operator=operator)


def counts(preset: Preset) -> dict[str, int]:
    """Rows by state, zeros included."""
    found = dict(preset.rows.order_by().values_list("state").annotate(count=Count("pk")))
    return {state.value: int(found.get(state.value, 0)) for state in RowState}


@transaction.atomic
def upload(*, preset_id: str, name: str, content: bytes, operator: Operator, now: datetime) -> Preset:
    """Look at every cell and keep what would be opened. The same id again is the same sheet. Nothing is opened yet.

    Raises WorkbookRefused for a file that is no such sheet.
    """
    _check_right(operator)
    first = Preset.objects.filter(pk=preset_id).first()
    if first is not None:
        return first
    lines = preset_sheet.read(content)
    preset = Preset.objects.create(id=preset_id, name=name[:128], operator=operator, made_at=now)
    numbers = [line.values.get("meter", "") for line in lines]
    mine = {meter.number: meter for meter in Meter.objects.for_operator(operator).filter(number__in=numbers)}
    open_ = set(Opening.objects.filter(meter__in=mine.values(), closed_at__isnull=True).values_list("meter", flat=True))
    known = {one.number: one for one in Customer.objects.filter(number__in=_numbers(lines))}
    seen: dict[str, int] = {}
    people: dict[str, str] = {}
    for line in lines:
        _judge(line, mine, open_, seen)
        _judge_person(line, known, people)
    PresetRow.objects.bulk_create([_row(preset, line, mine) for line in lines])
    return preset


def _numbers(lines: list[Line]) -> list[str]:
    return [line.values.get("number", "") for line in lines]


def _row(preset: Preset, line: Line, mine: dict[str, Meter]) -> PresetRow:
    state = RowState.BAD if line.problems else RowState.READY
    meter = mine.get(line.values.get("meter", ""))
    return PresetRow(
        preset=preset, number=line.number, meter=meter, values=line.values, problems=line.problems, state=state
    )


def _judge(line: Line, mine: dict[str, Meter], open_: set[int], seen: dict[str, int]) -> None:
    """What the cell alone cannot tell: is the meter there, in use, free, and only once in the file?"""
    number = line.values.get("meter")
    if number is None:
        return
    meter = mine.get(number)
    if meter is None:
        _say(line, "meter", _("is not a meter of your buildings. Enter it under Settings first."))
    elif not meter.active:
        _say(line, "meter", _("is out of use. Put the meter into use first."))
    elif meter.pk in open_:
        _say(line, "meter", _("has an open account already."))
    if number in seen:
        _say(line, "meter", _("stands in row %(row)d already.") % {"row": seen[number]})
    seen.setdefault(number, line.number)
    if meter is not None:
        _judge_amounts(line, meter)


def _judge_amounts(line: Line, meter: Meter) -> None:
    values = line.values
    ceiling_fen = values.get("ceiling_fen", meter.ceiling_fen)
    if 0 < ceiling_fen < values.get("first", 0) + values.get("carried", 0):
        _say(line, "first", _("is above the ceiling of %(ceiling)s yuan.") % {"ceiling": Money(ceiling_fen)})
    if values.get("alarm2_fen", meter.alarm2_fen) > values.get("alarm1_fen", meter.alarm1_fen):
        _say(line, "alarm2_fen", _("is above alarm 1: it would never be the second."))


def _judge_person(line: Line, known: dict[str, Customer], people: dict[str, str]) -> None:
    """Several rows with one user number are one tenant with several meters; then the name has to be the same."""
    number, name = line.values.get("number"), line.values.get("name")
    if number is None or name is None:
        return
    if number in known and known[number].name != name:
        _say(
            line, "number", _("is %(name)s's already. Give this tenant another number.") % {"name": known[number].name}
        )
    elif people.setdefault(number, name) != name:
        _say(line, "number", _("stands for %(name)s further up.") % {"name": people[number]})


def _say(line: Line, key: str, text: str) -> None:
    title = next(column.title for column in preset_sheet.sheet().columns if column.key == key)
    line.problems.append((f"{line.letters.get(key, '')}{line.number}", title, text))


@transaction.atomic
def start(*, preset_id: str, tender: str, operator: Operator, now: datetime, address: str = "") -> Preset:
    """Open the good rows: the worker takes them one by one. Again while they are under way changes nothing."""
    _check_right(operator)
    preset = Preset.objects.select_for_update().get(pk=preset_id)
    if preset.started_at is not None:
        return preset
    ready = preset.rows.filter(state=RowState.READY)
    if not ready.exists():
        raise NothingReady(_("No row of this file can be opened. Nothing was booked. Mend the cells and upload again."))
    checks.check_tender(tender)
    preset.started_at, preset.started_by, preset.tender, preset.address = now, operator, tender, address
    preset.save(update_fields=["started_at", "started_by", "tender", "address"])
    count = ready.update(state=RowState.WAITING)
    _log(preset, "preset.open", {"rows": count, "tender": tender}, operator=operator, address=address, now=now)
    return preset


@transaction.atomic
def retry(*, preset_id: str, operator: Operator, now: datetime, address: str = "") -> int:
    """Take the refused rows once more. Returns how many."""
    _check_right(operator)
    preset = Preset.objects.select_for_update().get(pk=preset_id)
    count = preset.rows.filter(state=RowState.REFUSED).update(state=RowState.WAITING, reason="")
    if count:
        _log(preset, "preset.retry", {"rows": count}, operator=operator, address=address, now=now)
    return count


def _log(
    preset: Preset, action: str, after: dict[str, Any], *, operator: Operator, address: str, now: datetime
) -> None:
    target = f"preset {preset.name}"[:128]
    staff.log(
        operator=operator, action=action, target=target, after={"preset": preset.pk} | after, address=address, now=now
    )


def _check_right(operator: Operator) -> None:
    if not operator.may(Right.OPEN_ACCOUNT):
        raise MayNot(
            _("%(who)s may not do this. Nothing was booked. Ask an administrator for the right “%(right)s”.")
            % {"who": operator.username, "right": Right.OPEN_ACCOUNT.label}
        )


def open_waiting(*, now: datetime, limit: int = PER_TURN) -> int:
    """Open the next rows that wait, each on its own. Returns how many it took. The worker calls this."""
    keys = PresetRow.objects.filter(state=RowState.WAITING).order_by("preset__started_at", "number")
    taken = 0
    for pk in list(keys.values_list("pk", flat=True)[:limit]):
        taken += _open_one(pk, now=now)
    return taken


def _open_one(pk: int, *, now: datetime) -> bool:
    with transaction.atomic():
        found = PresetRow.objects.select_for_update(of=("self",)).select_related("preset__started_by", "meter")
        row = found.filter(pk=pk, state=RowState.WAITING).first()
        if row is None:
            return False
        try:
            with transaction.atomic():
                row.opening = _open(row, now)
            row.state, row.reason = RowState.OPENED, ""
        except Refused as error:
            row.state, row.reason = RowState.REFUSED, str(error)[:400]
        row.save(update_fields=["opening", "state", "reason"])
        return True


def _open(row: PresetRow, now: datetime) -> Opening:
    preset, values = row.preset, row.values
    assert row.meter is not None  # a row without its meter is never ready
    assert preset.started_by is not None
    (opening,) = open_accounts(
        form_id=uuid.uuid5(uuid.UUID(preset.pk), str(row.number)).hex,
        customer=_customer(values),
        wanted=[_wanted(row.meter, values)],
        tender=preset.tender,
        operator=preset.started_by,
        now=now,
        address=preset.address,
    )
    return opening


def _customer(values: dict[str, Any]) -> Customer | Person:
    known = Customer.objects.filter(number=values["number"]).first()
    if known is not None and known.name != values["name"]:
        raise OtherPerson(known)
    return known or Person(**{name: values.get(name, "") for name in PERSON})


def _wanted(meter: Meter, values: dict[str, Any]) -> Wanted:
    return Wanted(
        meter=meter,
        first=Money(values.get("first", 0)),
        carried_in=Money(values.get("carried", 0)),
        terms=Terms(**{name: values[name] for name in (*LIMITS, *PRICES) if name in values}),
        use=values.get("use", ""),
        texts=values.get("texts") != NO,
    )
