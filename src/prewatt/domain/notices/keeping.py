"""What an operator does with carriers and the site's rules of sending. For who sees every building; all is logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.estate.messages import MESSAGES
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.notices import operations, sealing
from prewatt.domain.notices.models import DOORS, Carrier, CarrierKind, Door, Message, Rules
from prewatt.domain.notices.refusals import NoticesRefused, NotYours
from prewatt.domain.notices.rooms import ROOMS
from prewatt.domain.staff.operations import log
from prewatt.domain.staff.rights import Right

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

CARRIERS_MAX = 20
LENGTH_MAX = 4000
PER_MINUTE_MAX, PRICE_E4_MAX, SORT_MAX = 600, 100_000, 99
PER_HOUR_MAX, PER_DAY_MAX, VALID_HOURS_MAX = 100, 1000, 168
# Not switched off: a code that somebody waits for, what operators are told, and a test.
ALWAYS = frozenset({"code", "operator", "escalated", "test"})


def check(operator: Operator) -> None:
    if not (operator.is_active and operator.may(Right.SETTINGS) and operator.all_buildings):
        raise NotYours(
            _("A carrier sends for every building, and you see only some. Nothing was changed. Ask an administrator.")
        )


@transaction.atomic
def add(
    *, form_id: str, kind: str, given: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Carrier:
    """A new carrier; the same form again finds it. Raises NoticesRefused, FieldsRefused."""
    check(operator)
    first = Carrier.objects.filter(form_id=form_id).first()
    if first is not None:
        return first
    if kind not in ROOMS:
        raise NoticesRefused(_("There is no such kind of carrier. Nothing was changed."))
    if Carrier.objects.count() >= CARRIERS_MAX:
        raise NoticesRefused(_("There are 20 carriers already. Nothing was changed. Change one that is there."))
    made = Carrier(kind=kind, door=DOORS[CarrierKind(kind)], form_id=form_id, created_at=now, created_by=operator)
    _fill(made, given)
    made.save()
    log(
        operator=operator,
        action="carrier.add",
        target=f"carrier {made.pk}",
        after=facts(made),
        address=address,
        now=now,
    )
    return made


@transaction.atomic
def change(
    *, carrier: Carrier, given: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> Carrier:
    """An empty secret stays as it is. Raises NoticesRefused, FieldsRefused."""
    check(operator)
    held = Carrier.objects.select_for_update().get(pk=carrier.pk)
    before = facts(held)
    _fill(held, given)
    held.version += 1
    held.failures, held.failing_since, held.next_try_at, held.stopped_for = 0, None, None, ""
    held.missed, held.missed_since = 0, None
    held.save()
    log(
        operator=operator,
        action="carrier.change",
        target=f"carrier {held.pk}",
        before=before,
        after=facts(held) | {"secrets": sorted(_typed_secrets(held.kind, given))},
        address=address,
        now=now,
    )
    return held


@transaction.atomic
def adjust(
    *,
    carrier: Carrier,
    operator: Operator,
    now: datetime,
    on: bool | None = None,
    sort: int | None = None,
    per_minute: int | None = None,
    price_e4: int | None = None,
    alarms: Iterable[str] | None = None,
    address: str = "",
) -> Carrier:
    """How it sends, without its addresses and secrets. None: stays. Raises NoticesRefused."""
    check(operator)
    held = Carrier.objects.select_for_update().get(pk=carrier.pk)
    before = facts(held)
    told = None if alarms is None else sorted({str(one) for one in alarms})
    new = {"on": on, "sort": sort, "per_minute": per_minute, "price_e4": price_e4, "alarms": told}
    for name, value in new.items():
        if value is not None:
            setattr(held, name, value)
    if facts(held) == before:
        return held
    held.version += 1
    held.save(update_fields=[*new, "version"])
    log(
        operator=operator,
        action="carrier.change",
        target=f"carrier {held.pk}",
        before=before,
        after=facts(held),
        address=address,
        now=now,
    )
    return held


@transaction.atomic
def try_out(
    *, carrier: Carrier, form_id: str, to: str, operator: Operator, now: datetime, address: str = ""
) -> Message:
    """A message that says nothing but that it arrived, by this carrier and no other. Raises NoticesRefused."""
    check(operator)
    to = to.strip() if carrier.door == Door.MAIL else operations.bare(to)
    if carrier.door == Door.TEXT and not operations.PHONE.fullmatch(to):
        raise NoticesRefused(_("This is no telephone number. Nothing was sent. Give the number that is to get it."))
    if carrier.door == Door.MAIL and "@" not in to:
        raise NoticesRefused(_("This is no mail address. Nothing was sent. Give the address that is to get it."))
    made = operations.write(
        kind="test",
        door=Door(carrier.door),
        to=to if carrier.door != Door.GROUP else "",
        fields=operations.known(None, None, now),
        key=f"test:{form_id}"[:128],
        language=operations.rules().language,
        now=now,
        only=carrier,
        at_once=True,
    )
    log(
        operator=operator,
        action="carrier.test",
        target=f"carrier {carrier.pk}",
        after={"to": made.to},
        address=address,
        now=now,
    )
    return made


@transaction.atomic
def set_rules(
    *, given: Mapping[str, str], muted: Iterable[str], operator: Operator, now: datetime, address: str = ""
) -> Rules:
    """Raises NotYours, FieldsRefused."""
    check(operator)
    held, _new = Rules.objects.select_for_update().get_or_create(pk=1)
    before = rules_facts(held)
    problems: dict[str, str] = {}
    for name in ("quiet_from", "quiet_until"):
        try:
            setattr(held, name, time.fromisoformat(given.get(name, "")))
        except ValueError:
            problems[name] = _("A time of day looks like 21:30.")
    for name, most in (("per_hour", PER_HOUR_MAX), ("per_day", PER_DAY_MAX), ("valid_hours", VALID_HOURS_MAX)):
        _number(held, name, given.get(name, ""), 1, most, problems)
    held.language = given.get("language", "zh") if given.get("language") in ("zh", "en") else "zh"
    held.muted = sorted((set(muted) & set(MESSAGES)) - ALWAYS)
    if problems:
        raise FieldsRefused(problems)
    held.save()
    log(
        operator=operator,
        action="notices.rules",
        target="site",
        before=before,
        after=rules_facts(held),
        address=address,
        now=now,
    )
    return held


def rules_facts(held: Rules) -> dict[str, object]:
    names = ("per_hour", "per_day", "valid_hours", "muted", "language")
    times = {name: str(getattr(held, name))[:5] for name in ("quiet_from", "quiet_until")}
    return times | {name: getattr(held, name) for name in names}


def facts(one: Carrier) -> dict[str, object]:
    """What the log and a page may know: everything but the secrets."""
    names = ("name", "kind", "on", "sort", "settings", "alarms", "price_e4", "per_minute")
    return {name: getattr(one, name) for name in names}


def _fill(one: Carrier, given: Mapping[str, str]) -> None:
    problems: dict[str, str] = {}
    one.name = given.get("name", "").strip()[:64]
    if not one.name:
        problems["name"] = _("The carrier has no name.")
    elif Carrier.objects.filter(name=one.name).exclude(pk=one.pk).exists():
        problems["name"] = _("Another carrier has this name.")
    one.on = given.get("on", "") in {"1", "on"} if one.pk else True
    _number(one, "sort", given.get("sort", "") or "0", 0, SORT_MAX, problems)
    _number(one, "per_minute", given.get("per_minute", ""), 1, PER_MINUTE_MAX, problems)
    _number(one, "price_e4", given.get("price_e4", "") or "0", 0, PRICE_E4_MAX, problems)
    one.alarms = sorted(
        name.removeprefix("alarm_") for name, value in given.items() if name.startswith("alarm_") and value
    )
    _fill_settings(one, given, problems)
    if problems:
        raise FieldsRefused(problems)


def _fill_settings(one: Carrier, given: Mapping[str, str], problems: dict[str, str]) -> None:
    room, secret = ROOMS[one.kind], _kept_secrets(one)
    found = {}
    for field in room.fields:
        value = given.get(field.name, "").strip()[:LENGTH_MAX]
        if field.secret:
            secret |= {field.name: value} if value else {}
            missing = field.needed and not secret.get(field.name)
        else:
            found[field.name] = value.replace("\r\n", "\n")
            missing = field.needed and not value
        if missing:
            problems[field.name] = _("This is needed.")
    problems |= {name: text for name, text in room.wrong(found).items() if name not in problems}
    one.settings = found
    one.sealed = sealing.seal(secret) if secret else None


def _kept_secrets(one: Carrier) -> dict[str, str]:
    """Under another key of the site they are lost, and the form asks for them."""
    try:
        return sealing.opened(one.sealed)
    except sealing.CannotOpen:
        return {}


def _typed_secrets(kind: str, given: Mapping[str, str]) -> set[str]:
    return {field.name for field in ROOMS[kind].fields if field.secret and given.get(field.name, "").strip()}


def _number(one: Any, name: str, text: str, least: int, most: int, problems: dict[str, str]) -> None:  # noqa: PLR0917
    if not (text.strip().isascii() and text.strip().isdigit() and least <= int(text) <= most):
        problems[name] = _("A whole number from %(least)d to %(most)d.") % {"least": least, "most": most}
        return
    setattr(one, name, int(text))
