"""A version of a plan in words: what it charges, line by line, and what another one changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.tariff.rules.plan import (
    ALL_HOURS,
    CalendarRule,
    Fee,
    Ladder,
    Plan,
    Rounding,
    Season,
    Settlement,
    Slot,
    Step,
    Version,
)
from prewatt.units.values import Energy, Money, Rate
from prewatt.web.parts.words import Text

BANDS: Mapping[str, Text] = {
    "sharp": gettext_lazy("Sharp"),
    "peak": gettext_lazy("Peak"),
    "flat": gettext_lazy("Flat"),
    "valley": gettext_lazy("Valley"),
    "deep": gettext_lazy("Deep valley"),
    ALL_HOURS: gettext_lazy("All hours"),
}
TABLES: Mapping[str, Text] = {
    "usual": gettext_lazy("usual days"),
    "weekend": gettext_lazy("weekends"),
    "holiday": gettext_lazy("holidays"),
    "season": gettext_lazy("the season"),
}
DAYS: Mapping[str, Text] = {
    "weekday": gettext_lazy("weekdays"),
    "weekend": gettext_lazy("weekends"),
    "holiday": gettext_lazy("holidays"),
    "mon": gettext_lazy("Monday"),
    "tue": gettext_lazy("Tuesday"),
    "wed": gettext_lazy("Wednesday"),
    "thu": gettext_lazy("Thursday"),
    "fri": gettext_lazy("Friday"),
    "sat": gettext_lazy("Saturday"),
    "sun": gettext_lazy("Sunday"),
}
EVERY: Mapping[str, Text] = {
    "month": gettext_lazy("a month"),
    "day": gettext_lazy("a day"),
    "span": gettext_lazy("a settlement"),
}
OF: Mapping[str, Text] = {
    "energy": gettext_lazy("of the energy"),
    "fees": gettext_lazy("of the fees"),
    "all": gettext_lazy("of all of it"),
}
STEPS_MAX = 20


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Change:
    """`old` or `new` is empty where there was or is none."""

    label: str
    old: str
    new: str


def band(code: str) -> str:
    return str(BANDS.get(code, code))


def summary(plan: Plan, number: int = 0) -> list[Row]:
    """The version of that index, in words."""
    version = plan.versions[number]
    return [
        *_prices(version),
        *_hours(version),
        *(_ladder(version, version.ladder) if version.ladder else ()),
        *_others(version),
        *_settles(plan, version),
    ]


def changes(old: Sequence[Row], new: Sequence[Row]) -> list[Change]:
    """What stands otherwise in `new`, in its order; what is gone comes last."""
    before, after = ({one.key: one for one in rows} for rows in (old, new))
    found = [
        Change(one.label, before[one.key].value if one.key in before else "", one.value)
        for one in new
        if one.key not in before or before[one.key].value != one.value
    ]
    return found + [Change(one.label, one.value, "") for one in old if one.key not in after]


def _prices(version: Version) -> Iterator[Row]:
    if version.ladder and not _adds(version.ladder):
        return
    for code, rate in version.rates_e8.items():
        label = _("Price") if code == ALL_HOURS else band(code)
        yield Row(f"price-{code}", label, _("%(price)s yuan/kWh") % {"price": Rate(rate)})


def _adds(ladder: Ladder) -> bool:
    return any(step.add_e8 is not None for one in ladder.seasons for step in one.steps)


def _hours(version: Version) -> Iterator[Row]:
    if version.banded and not version.tables:
        yield Row("hours", _("Hours"), _("as the meter itself counts them"))
    for name, slots in version.tables.items():
        yield Row(f"table-{name}", _("Hours of %(days)s") % {"days": TABLES.get(name, name)}, _slots(slots))
    if len(version.tables) > 1:
        yield Row("calendar", _("Which day has which"), "; ".join(_rule(one) for one in version.calendar))
    if version.dates:
        days = ", ".join(f"{day}: {TABLES.get(name, name)}" for day, name in sorted(version.dates.items())[:8])
        yield Row("dates", _("Single days"), days)
    if version.holidays:
        yield Row("holidays", _("Holidays named in it"), _days(sorted(version.holidays)))
    if version.workdays:
        yield Row("workdays", _("Weekend days that are worked"), _days(sorted(version.workdays)))


def _days(days: Sequence[object]) -> str:
    return _("%(count)d, from %(first)s to %(last)s") % {"count": len(days), "first": days[0], "last": days[-1]}


def _slots(slots: Sequence[Slot]) -> str:
    return " · ".join(f"{slot.at:%H:%M} {band(slot.band)}" for slot in slots)


def _rule(rule: CalendarRule) -> str:
    when = [_season(rule.season)] if _season(rule.season) else []
    when += [", ".join(str(DAYS[day]) for day in DAYS if day in rule.days)] if rule.days else []
    said = " ".join(when) or _("all other days")
    return f"{said} → {TABLES.get(rule.table, rule.table)}"


def _season(season: Season) -> str:
    if season.months:
        return _("months %(months)s") % {"months": ", ".join(str(one) for one in sorted(season.months))}
    if season.first and season.last:
        return "{:02d}-{:02d} – {:02d}-{:02d}".format(*season.first, *season.last)
    return ""


def _ladder(version: Version, ladder: Ladder) -> Iterator[Row]:
    for part, season in enumerate(ladder.seasons):
        name = _season(season.season) if len(ladder.seasons) > 1 else ""
        yield from _steps(version, season.steps, f"step-{part}", name)
    for part, slab in enumerate(ladder.slabs):
        upper = _("%(kwh)s kWh in all") % {"kwh": _kwh(slab.up_to_wh)} if slab.up_to_wh else _("any more")
        yield from _steps(version, slab.steps, f"slab-{part}", upper)
    if ladder.households:
        more = "; ".join(
            _("from %(persons)d persons %(kwh)s kWh more") % {"persons": one.persons, "kwh": _kwh(one.add_wh)}
            for one in ladder.households
        )
        yield Row("households", _("Larger households"), more)
    if ladder.per_days:
        yield Row("per-days", _("Limits are for"), _("%(days)d days") % {"days": ladder.per_days})


def _steps(version: Version, steps: Sequence[Step], key: str, name: str) -> Iterator[Row]:
    lower = 0
    for number, step in enumerate(steps[:STEPS_MAX], 1):
        label = _("Step %(number)d") % {"number": number}
        span = f"{_kwh(lower)}–{_kwh(step.up_to_wh)} kWh" if step.up_to_wh else _("above %s kWh") % _kwh(lower)
        yield Row(f"{key}-{number}", f"{label} · {name}" if name else label, f"{span}: {_of_step(version, step)}")
        lower = step.up_to_wh or lower


def _of_step(version: Version, step: Step) -> str:
    if step.add_e8 is not None and version.banded:
        return _("%(sign)s%(add)s yuan/kWh on each") % {"sign": "+" * (step.add_e8 >= 0), "add": Rate(step.add_e8)}
    return " · ".join(
        (f"{band(code)} " if code != ALL_HOURS else "") + _("%(price)s yuan/kWh") % {"price": Rate(rate)}
        for code, rate in step.rates_e8.items()
    )


def _others(version: Version) -> Iterator[Row]:
    if version.free and version.free.wh:
        every = EVERY[version.free.every]
        yield Row("free", _("Free"), _("%(kwh)s kWh %(every)s") % {"kwh": _kwh(version.free.wh), "every": every})
    if version.free and version.free.fen:
        every = EVERY[version.free.every]
        yield Row("free-money", _("Off the energy"), f"{_yuan(version.free.fen)} {every}")
    if version.minimum_fen:
        yield Row("minimum", _("At least"), _yuan(version.minimum_fen))
    for number, fee in enumerate(version.fees):
        yield Row(f"fee-{number}-{fee.name}", fee.name, _fee(fee))


def _yuan(fen: int) -> str:
    return _("%(money)s yuan") % {"money": Money(fen)}


def _fee(fee: Fee) -> str:
    if fee.fen is not None:
        times = f" × {fee.times}" if fee.times else ""
        return f"{_yuan(fee.fen)} {EVERY[fee.every]}{times}"
    if fee.per_kwh_e8 is not None:
        return _("%(price)s yuan/kWh") % {"price": Rate(fee.per_kwh_e8)}
    return f"{(fee.part_e8 or 0) / 10**6:g} % {OF[fee.of]}"


def _settles(plan: Plan, version: Version) -> Iterator[Row]:
    if plan.settlement != Settlement() or version.ladder:
        yield Row("settles", _("Counts over"), _settlement(plan.settlement))
    if plan.rounding != Rounding():
        each = _("each line") if plan.rounding.each == "line" else _("the sum")
        yield Row("rounding", _("Rounds"), f"{each}, {_yuan(plan.rounding.to_fen)}")


def _settlement(found: Settlement) -> str:
    at = _("%(day)d, %(time)s") % {"day": found.day, "time": f"{found.at:%H:%M}"}
    if found.every == "month":
        return _("a month, from day %(at)s") % {"at": at}
    if found.every == "year":
        return _("a year, from month %(month)d day %(at)s") % {"month": found.month, "at": at}
    return _("what stands on one bill")


def _kwh(wh: int | None) -> str:
    text = str(Energy(wh or 0))
    return text.rstrip("0").rstrip(".") if "." in text else text
