"""Writes of commissioning: an engineer asks, the gateway fetches, its findings come in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from prewatt import profiles
from prewatt.domain.commissioning import queries
from prewatt.domain.commissioning.expected import scan_s
from prewatt.domain.commissioning.models import OPEN, Inquiry, SeenFrame, State
from prewatt.domain.commissioning.refusals import (
    BusTaken,
    GatewayAway,
    NoRight,
    NotYours,
    UnknownModel,
    WrongRange,
)
from prewatt.domain.estate.models import Bus, Gateway
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.link import messages as link
from prewatt.link.looking import INQUIRY_S_MAX, allowed_s
from prewatt.link.messages import InquiryKind
from prewatt.profiles.quantities import QUANTITIES

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

AWAY = timedelta(minutes=2)
HAND_AGAIN = timedelta(seconds=10)  # the reply that carried it may have been lost
KEPT = timedelta(days=7)
KEPT_FRAMES = 1_000
FOUND_MAX = 300
HANDED_MAX = 20
FIELDS_BYTES_MAX = 4_000
UNIT_MAX = 247
SCANS = frozenset({InquiryKind.SCAN, InquiryKind.DUPLICATES})
SECONDS = {  # a scan has as long as its bus needs
    InquiryKind.IDENTIFY: 120,
    InquiryKind.READ: 120,
    InquiryKind.WATCH: 120,
}
_ENDS = {"done": State.DONE, "cancelled": State.CANCELLED, "replaced": State.CANCELLED}
_NUMBER_MAX = 2**31 - 1
_VALUE_MAX = 2**62
_TIME_MS_MAX = 253_402_300_799_000


@transaction.atomic
def place(
    *,
    inquiry_id: str,
    bus: Bus,
    kind: InquiryKind,
    operator: Operator,
    now: datetime,
    first_unit: int = 1,
    last_unit: int = UNIT_MAX,
    unit: int = 0,
    meter_address: str = "",
    profile: str = "",
    address: str = "",
) -> Inquiry:
    """Ask the gateway to look. His own earlier look of the same sort at this bus ends.

    Raises CommissioningRefused. `address`: where the operator sits, for the log.
    """
    check_operator(operator)
    _check_bus(bus, operator)
    known = Inquiry.objects.filter(pk=inquiry_id[:64]).first()
    if known is not None:
        _check_bus(known.bus, operator)
        return known
    _check_range(first_unit, last_unit)
    _check_meter(kind, unit, meter_address, profile)
    _check_gateway(bus.gateway, now)
    _make_room(bus, kind, operator, now)
    seconds = SECONDS.get(kind, 0)
    if kind in SCANS:
        seconds = allowed_s(scan_s(bus, kind=kind, first_unit=first_unit, last_unit=last_unit))
    inquiry = Inquiry.objects.create(
        id=inquiry_id[:64],
        bus=bus,
        kind=kind.value,
        operator=operator,
        placed_at=now,
        expires_at=now + timedelta(seconds=seconds),
        hand_at=now,
        first_unit=first_unit,
        last_unit=last_unit,
        unit=unit,
        address=meter_address,
        profile=profile,
        seconds=seconds,
    )
    _log(inquiry, operator, now, address)
    forget(now=now)
    return inquiry


def check_operator(operator: Operator) -> None:
    if not operator.is_active or not operator.may(Right.METER_ORDERS):
        raise NoRight(
            _("%(who)s may not look at a bus. Nothing was asked. Ask an administrator for the right “%(right)s”.")
            % {"who": operator.username, "right": Right.METER_ORDERS.label}
        )


def _check_bus(bus: Bus, operator: Operator) -> None:
    if not queries.buses(operator).filter(pk=bus.pk).exists():
        raise NotYours(
            _("Bus %(bus)s has meters outside the buildings of %(who)s. Nothing was asked.")
            % {"bus": bus.code, "who": operator.username}
        )


def _check_range(first: int, last: int) -> None:
    if not 1 <= first <= last <= UNIT_MAX:
        raise WrongRange(_("Addresses go from 1 to 247, the first before the last. Nothing was asked."))


def _check_meter(kind: InquiryKind, unit: int, meter_address: str, profile: str) -> None:
    one = kind in (InquiryKind.READ, InquiryKind.IDENTIFY)
    if not (1 if one and not meter_address else 0) <= unit <= UNIT_MAX:
        raise WrongRange(_("A meter's address is 1 to 247. Nothing was asked."))
    if meter_address and not (meter_address.isdecimal() and len(meter_address) == 12):
        raise WrongRange(_("A DL/T 645 address has twelve digits. Nothing was asked."))
    if profile and profile not in profiles.names(()):
        raise UnknownModel(_("There is no model “%(name)s”. Nothing was asked.") % {"name": profile[:64]})


def _check_gateway(gateway: Gateway, now: datetime) -> None:
    if gateway.last_seen_at is None or now - gateway.last_seen_at > AWAY:
        raise GatewayAway(
            _(
                "Gateway %(gateway)s has not been heard for more than two minutes, so nobody can look at its buses. "
                "Nothing was asked. See that it has power and reaches this centre, then try again."
            )
            % {"gateway": gateway.code}
        )


def _make_room(bus: Bus, kind: InquiryKind, operator: Operator, now: datetime) -> None:
    """One look that asks and one that watches at a time: two engineers on one bus would slow each other down."""
    sort = Q(kind=InquiryKind.WATCH) if kind == InquiryKind.WATCH else ~Q(kind=InquiryKind.WATCH)
    going_on = Inquiry.objects.select_for_update(of=("self",)).filter(sort, bus=bus, state__in=OPEN, expires_at__gt=now)
    for other in going_on.select_related("operator"):
        if other.operator_id != operator.pk and other.cancel_asked_at is None:
            raise BusTaken(
                _(
                    "%(who)s is looking at bus %(bus)s just now. Nothing was asked. "
                    "Wait until that has ended, or ask for it to be stopped."
                )
                % {"who": other.operator.name or other.operator.username, "bus": bus.code}
            )
        _cancel(other, now)


def _log(inquiry: Inquiry, operator: Operator, now: datetime, address: str) -> None:
    after = {"kind": inquiry.kind, "unit": inquiry.unit, "first": inquiry.first_unit, "last": inquiry.last_unit}
    target = f"{inquiry.bus.gateway.code}/{inquiry.bus.code}"
    staff.log(operator=operator, action="commissioning.look", target=target, after=after, address=address, now=now)


@transaction.atomic
def cancel(*, inquiry_id: str, operator: Operator, now: datetime) -> Inquiry:
    """End a look. One that the gateway has not fetched ends here, another when the gateway says so."""
    check_operator(operator)
    inquiry = Inquiry.objects.select_for_update(of=("self",)).select_related("bus").get(pk=inquiry_id)
    _check_bus(inquiry.bus, operator)
    _cancel(inquiry, now)
    return inquiry


def _cancel(inquiry: Inquiry, now: datetime) -> None:
    if inquiry.state not in OPEN or inquiry.cancel_asked_at is not None:
        return
    inquiry.cancel_asked_at = inquiry.hand_at = now
    inquiry.save(update_fields=["cancel_asked_at", "hand_at"])


def forget(*, now: datetime) -> None:
    """Working papers are thrown away after a week."""
    Inquiry.objects.filter(placed_at__lt=now - KEPT).delete()


# --- the gateway's side -----------------------------------------------------------------------------------------------


def _due(gateway: Gateway, now: datetime) -> QuerySet[Inquiry]:
    return Inquiry.objects.filter(bus__gateway=gateway, state__in=OPEN, hand_at__lte=now, expires_at__gt=now)


def waiting(*, gateway: Gateway, now: datetime) -> bool:
    """Would `hand_out` give anything? One short read, for a poll that looks often."""
    return _due(gateway, now).exists()


def hand_out(*, gateway: Gateway, now: datetime) -> list[link.Inquiry]:
    """What the gateway shall look at, or no longer. Given again until it has said a word."""
    return _hand_out(gateway, now) if waiting(gateway=gateway, now=now) else []


@transaction.atomic
def _hand_out(gateway: Gateway, now: datetime) -> list[link.Inquiry]:
    due = list(_due(gateway, now).select_related("bus").order_by("placed_at")[:HANDED_MAX])
    Inquiry.objects.filter(pk__in=[one.pk for one in due]).update(hand_at=now + HAND_AGAIN)
    return [_as_message(one) for one in due]


def _as_message(inquiry: Inquiry) -> link.Inquiry:
    return link.Inquiry(
        inquiry_id=inquiry.pk,
        kind=inquiry.kind,
        bus=inquiry.bus.code,
        expires_at_ms=int(inquiry.expires_at.timestamp() * 1000),
        seconds=inquiry.seconds,
        first_unit=inquiry.first_unit,
        last_unit=inquiry.last_unit,
        unit=inquiry.unit,
        address=inquiry.address,
        profile=inquiry.profile,
        cancel=inquiry.cancel_asked_at is not None,
    )


def take_findings(findings: Sequence[link.Finding], *, gateway: Gateway, now: datetime) -> int:
    """What a gateway found; returns how many findings were news. What is out of bounds is cut, never believed."""
    return sum(_take(finding, gateway, now) for finding in findings[: link.FINDINGS_PER_BATCH_MAX])


@transaction.atomic
def _take(finding: link.Finding, gateway: Gateway, now: datetime) -> bool:
    mine = Inquiry.objects.filter(bus__gateway=gateway, pk=finding.inquiry_id[:64])
    inquiry = mine.select_for_update(of=("self",)).first()
    if inquiry is None or inquiry.state not in OPEN or not inquiry.last_seq < finding.seq <= _NUMBER_MAX:
        return False
    inquiry.last_seq = finding.seq
    inquiry.state = State.RUNNING
    inquiry.reason = _clean(finding.reason, 64)
    inquiry.asked, inquiry.total = _whole(finding.asked), _whole(finding.total)
    _take_time(inquiry, finding, now)
    inquiry.found = _merged(inquiry.found, finding.found)
    inquiry.missing = sorted({*inquiry.missing, *(unit for unit in finding.missing if 0 < unit <= UNIT_MAX)})
    _take_values(inquiry, finding)
    if inquiry.cancel_asked_at is None:
        inquiry.hand_at = None
    if finding.final:
        inquiry.state = _ENDS.get(finding.reason, State.FAILED)
        inquiry.ended_at, inquiry.hand_at = now, None
    inquiry.save()
    _keep_frames(inquiry, finding.frames)
    return True


def _take_time(inquiry: Inquiry, finding: link.Finding, now: datetime) -> None:
    """A scan that grew, because many answered at once, is waited for as long as its gateway goes on."""
    inquiry.left_s = min(_whole(finding.left_s), INQUIRY_S_MAX)
    if inquiry.left_s:
        latest = inquiry.placed_at + timedelta(seconds=INQUIRY_S_MAX)
        inquiry.expires_at = min(latest, max(inquiry.expires_at, now + timedelta(seconds=allowed_s(inquiry.left_s))))


def _take_values(inquiry: Inquiry, finding: link.Finding) -> None:
    if finding.read_at_ms is None or not 0 < finding.read_at_ms < _TIME_MS_MAX:
        return
    sound = ((name, value) for name, value in finding.values.items() if name in QUANTITIES)
    inquiry.values = {name: value for name, value in sound if -_VALUE_MAX < value < _VALUE_MAX}
    inquiry.values_at = datetime.fromtimestamp(finding.read_at_ms / 1000, UTC)


def _merged(known: list[dict[str, Any]], found: list[link.Found]) -> list[dict[str, Any]]:
    """Each address once, as it was found last."""
    merged = {(one["unit"], one["address"]): one for one in known}
    for one in found:
        if 0 <= one.unit <= UNIT_MAX:
            plain = link.Found(
                unit=one.unit,
                address=_clean(one.address, 16),
                profiles=[_clean(name, 64) for name in one.profiles[:20]],
                note=_clean(one.note, 16),
            )
            merged[plain.unit, plain.address] = msgspec.to_builtins(plain)
    return [merged[key] for key in sorted(merged)][:FOUND_MAX]


def _keep_frames(inquiry: Inquiry, frames: list[link.Frame]) -> None:
    """The newest of them: whoever watches a bus for minutes reads the end."""
    sound = [frame for frame in frames[: link.FRAMES_PER_FINDING_MAX] if _is_sound(frame)]
    if not sound:
        return
    rows = [
        SeenFrame(
            inquiry=inquiry,
            number=frame.number,
            at=datetime.fromtimestamp(frame.at_ms / 1000, UTC),
            out=frame.out,
            hex=frame.hex,
            unit=frame.unit,
            error=_clean(frame.error, 32),
            fields=_plain(frame.fields),
        )
        for frame in sound
    ]
    SeenFrame.objects.bulk_create(rows, ignore_conflicts=True)
    newest = max(frame.number for frame in sound)
    SeenFrame.objects.filter(inquiry=inquiry, number__lte=newest - KEPT_FRAMES).delete()


def _is_sound(frame: link.Frame) -> bool:
    return (
        0 < frame.number <= _NUMBER_MAX
        and 0 < frame.at_ms < _TIME_MS_MAX
        and 0 <= frame.unit <= 255
        and 0 < len(frame.hex) < 3 * link.FRAME_BYTES_MAX
        and set(frame.hex) <= set("0123456789abcdef ")
    )


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Printable and small; what is too long is left out rather than half told."""
    plain = {
        _clean(name, 40): _clean(value, 200) if isinstance(value, str) else value
        for name, value in list(fields.items())[:30]
    }
    return plain if len(json.dumps(plain)) <= FIELDS_BYTES_MAX else {}


def _clean(text: str, length: int) -> str:
    return "".join(letter for letter in text[:length] if letter.isprintable())


def _whole(number: int) -> int:
    return min(max(number, 0), _NUMBER_MAX)
