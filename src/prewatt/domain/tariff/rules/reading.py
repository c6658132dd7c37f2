"""A plan's document (JSON) into a `Plan`. The form is told in docs/tariffs.md and in plan.schema.json beside this."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from prewatt.domain.tariff.rules.faults import BadPlan, Fault, Faults, Node
from prewatt.domain.tariff.rules.plan import (
    ALL_HOURS,
    DAY_KINDS,
    FORMAT,
    SLOTS_MAX,
    WEEKDAYS,
    CalendarRule,
    Fee,
    Free,
    Household,
    Ladder,
    Plan,
    Rounding,
    Season,
    SeasonSteps,
    Settlement,
    Slab,
    Slot,
    Step,
    Version,
)
from prewatt.units.values import Energy, Money, Rate

DOCUMENT_BYTES_MAX = 1_000_000
VERSIONS_MAX = 400
STEPS_MAX = 20
BANDS_MAX = 12
FEES_MAX = 20
TABLES_MAX = 60
DATES_MAX = 4000
RULES_MAX = 200
ZONE = "Asia/Shanghai"
RATE_E8_MAX = 10**12  # ten thousand a kWh: a slip of the finger, not a price
UNKNOWN_TABLE = "is none of the tables; they are %(tables)s"
_BAND = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_PLAN = ("format", "name", "zone", "currency", "settlement", "rounding", "versions", "source", "licence", "note")
_VERSION = (
    "from", "until", "price", "prices", "tables", "calendar", "holidays", "workdays", "dates",
    "ladder", "free", "fees", "minimum", "note",
)  # fmt: skip


def schema() -> dict[str, Any]:
    """The JSON Schema of a plan, as shipped."""
    text = resources.files(__package__).joinpath("plan.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def parse(text: str | bytes) -> Plan:
    """A plan from JSON text. Numbers keep the digits they are written with. Raises BadPlan with every fault."""
    if len(text) > DOCUMENT_BYTES_MAX:
        raise BadPlan([too_long()])
    try:
        document = json.loads(text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BadPlan([no_json(error)]) from error
    return read(document)


def too_long() -> Fault:
    return Fault("", "is longer than %(most)s bytes", (("most", DOCUMENT_BYTES_MAX),))


def no_json(error: Exception) -> Fault:
    return Fault("", "is not JSON: %(error)s", (("error", str(error)),))


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"the member {twice!r} stands twice in one object")
    return found


def read(document: Any) -> Plan:
    """The same from a document that was parsed already; prices must be text then, since a float has lost its digits."""
    faults = Faults()
    plan = _plan(Node(document, "", faults))
    if faults.found or plan is None:
        raise BadPlan(faults.found)
    return plan


def _plan(node: Node) -> Plan | None:
    if not node.members(*_PLAN, needed=("format", "name", "versions")):
        return None
    node.at("format").choice((FORMAT,))
    for key in ("licence", "note"):
        if node.has(key):
            node.at(key).text(longest=4000)
    if node.has("source"):
        [item.text() for item in node.at("source").items(20, least=0)]
    settlement = _settlement(node.at("settlement")) if node.has("settlement") else Settlement()
    versions = [_version(item, settlement) for item in node.at("versions").items(VERSIONS_MAX)]
    _check_order(node.at("versions"), versions)
    return Plan(
        name=node.at("name").text(),
        zone=_zone(node.at("zone")) if node.has("zone") else ZONE,
        currency=node.at("currency").text(longest=3) if node.has("currency") else "CNY",
        settlement=settlement,
        rounding=_rounding(node.at("rounding")) if node.has("rounding") else Rounding(),
        versions=tuple(versions),
    )


def _zone(node: Node) -> str:
    name = node.text(ZONE)
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        node.fault("is not the name of a time zone such as Asia/Shanghai")
    return name


def _settlement(node: Node) -> Settlement:
    if not node.members("every", "month", "day", "time", needed=("every",)):
        return Settlement()
    every = node.at("every").choice(("month", "year", "bill"))
    if every != "year" and node.has("month"):
        node.at("month").fault("belongs to a yearly settlement")
    return Settlement(
        every=every,  # type: ignore[arg-type] # a choice
        month=node.at("month").whole(1, 12) if node.has("month") else 1,
        day=node.at("day").whole(1, 28) if node.has("day") else 1,
        at=node.at("time").clock() if node.has("time") else Settlement().at,
    )


def _rounding(node: Node) -> Rounding:
    if not node.members("each", "to"):
        return Rounding()
    each = node.at("each").choice(("total", "line")) if node.has("each") else "total"
    to_fen = node.at("to").unit(Money.parse, Money(1), "an amount such as 0.01 or 1").fen if node.has("to") else 1
    if to_fen < 1:
        node.at("to").fault("must be above zero")
    return Rounding(each, to_fen)  # type: ignore[arg-type] # a choice


def _check_order(node: Node, versions: list[Version]) -> None:
    for index in range(1, len(versions)):
        before, this = versions[index - 1], versions[index]
        if this.since is None:
            node.at(index).fault("needs 'from': only the first version may hold since ever")
        elif before.since is not None and this.since <= before.since:
            node.at(index).at("from").fault("must be later than that of the version before")
    for index, version in enumerate(versions):
        if version.until is None:
            continue
        following = versions[index + 1].since if index + 1 < len(versions) else None
        if version.since is not None and version.until <= version.since:
            node.at(index).at("until").fault("must be later than 'from'")
        elif following is not None and version.until > following:
            node.at(index).at("until").fault("must not be later than the next version's 'from'")


def _version(node: Node, settlement: Settlement) -> Version:
    empty = Version(None, None, {ALL_HOURS: 0})
    if not node.members(*_VERSION):
        return empty
    rates = _rates(node)
    ladder = _ladder(node.at("ladder"), rates) if node.has("ladder") else None
    if rates is None:
        rates = _first_rates(ladder)
        if rates is None:
            if ladder is None:
                node.fault("needs a price, prices, or a ladder with prices")
            return empty
    tables = _tables(node.at("tables"), rates) if node.has("tables") else {}
    version = Version(
        since=node.at("from").instant() if node.has("from") and node.value["from"] is not None else None,
        until=node.at("until").instant() if node.has("until") and node.value["until"] is not None else None,
        rates_e8=rates,
        tables=tables,
        calendar=_calendar(node, tables),
        holidays=_days(node.at("holidays")) if node.has("holidays") else frozenset(),
        workdays=_days(node.at("workdays")) if node.has("workdays") else frozenset(),
        dates=_dates(node.at("dates")) if node.has("dates") else {},
        ladder=ladder,
        free=_free(node.at("free"), settlement) if node.has("free") else None,
        fees=tuple(_fee(item) for item in node.at("fees").items(FEES_MAX, least=0)) if node.has("fees") else (),
        minimum_fen=_money(node.at("minimum")) if node.has("minimum") else 0,
    )
    return _checked(node, version)


def _calendar(node: Node, tables: Mapping[str, tuple[Slot, ...]]) -> tuple[CalendarRule, ...]:
    """The rules; a single table without any is that of every day."""
    if node.has("calendar"):
        return tuple(_rule(item) for item in node.at("calendar").items(RULES_MAX))
    return (CalendarRule(next(iter(tables))),) if len(tables) == 1 else ()


def _rate(node: Node) -> int:
    rate = node.unit(Rate.parse, Rate(0), "a price per kWh with at most eight decimals").e8
    if abs(rate) > RATE_E8_MAX:
        node.fault("is above 10000 a kWh: is it a slip of the finger?")
    return rate


def _price(node: Node) -> int:
    rate = _rate(node)
    if rate < 0:
        node.fault("must not be below zero")
    return rate


def _money(node: Node) -> int:
    fen = node.unit(Money.parse, Money(0), "an amount with at most two decimals").fen
    if fen < 0:
        node.fault("must not be below zero")
    return fen


def _wh(node: Node) -> int:
    wh = node.unit(Energy.parse_kwh, Energy(0), "kWh with at most three decimals").wh
    if wh < 0:
        node.fault("must not be below zero")
    return wh


def _rates(node: Node) -> Mapping[str, int] | None:
    """The version's own prices by band; None where the ladder brings them."""
    if node.has("price") and node.has("prices"):
        node.fault("has both price and prices: give one")
    if node.has("prices"):
        return _banded(node.at("prices"))
    return {ALL_HOURS: _price(node.at("price"))} if node.has("price") else None


def _banded(node: Node) -> dict[str, int]:
    found = {}
    for band, item in node.named(BANDS_MAX):
        if not _BAND.fullmatch(band) or band == ALL_HOURS:
            item.fault("is not a name for a band: small letters, such as sharp, peak, flat, valley, deep")
        found[band] = _price(item)
    return found or {ALL_HOURS: 0}


def _first_rates(ladder: Ladder | None) -> Mapping[str, int] | None:
    if ladder is None:
        return None
    steps = ladder.slabs[0].steps if ladder.slabs else ladder.seasons[0].steps if ladder.seasons else ()
    return steps[0].rates_e8 if steps else None


def _tables(node: Node, rates: Mapping[str, int]) -> dict[str, tuple[Slot, ...]]:
    return {name: _table(item, rates) for name, item in node.named(TABLES_MAX)}


def _table(node: Node, rates: Mapping[str, int]) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    for item in node.items(SLOTS_MAX):
        if not item.members("at", "band", needed=("at", "band")):
            continue
        slot = Slot(item.at("at").clock(), item.at("band").text())
        if slot.band not in rates:
            item.at("band").fault("is no band of the prices; they are %(bands)s", bands=", ".join(rates))
        if not slots and slot.at.isoformat() != "00:00:00":
            item.at("at").fault("the first slot of a day begins at 00:00")
        if slots and slot.at <= slots[-1].at:
            item.at("at").fault("must be later than the slot before")
        slots.append(slot)
    return tuple(slots)


def _season(node: Node) -> Season:
    if node.has("months"):
        return Season(months=frozenset(item.whole(1, 12) for item in node.at("months").items(12)))
    if node.has("from") != node.has("to"):
        node.fault("needs both from and to, or neither")
    elif node.has("from"):
        return Season(first=node.at("from").month_day(), last=node.at("to").month_day())
    return Season()


def _rule(node: Node) -> CalendarRule:
    if not node.members("table", "months", "from", "to", "days", needed=("table",)):
        return CalendarRule("")
    if node.has("months") and node.has("from"):
        node.fault("has both months and from: give one")
    days = [item.choice((*DAY_KINDS, *WEEKDAYS)) for item in node.at("days").items(10)] if node.has("days") else []
    return CalendarRule(node.at("table").text(), _season(node), frozenset(days))


def _days(node: Node) -> frozenset[date]:
    return frozenset(item.day() for item in node.items(DATES_MAX, least=0))


def _dates(node: Node) -> dict[date, str]:
    found = {}
    for key, item in node.named(DATES_MAX, least=0):
        found[Node(key, item.pointer, item.faults).day()] = item.text()
    return found


def _ladder(node: Node, rates: Mapping[str, int] | None) -> Ladder:
    if not node.members("steps", "seasons", "slabs", "per_days", "whole_kwh", "household"):
        return Ladder()
    form = node.one_of("steps", "seasons", "slabs")
    seasons: tuple[SeasonSteps, ...] = ()
    if form == "steps":
        seasons = (SeasonSteps(Season(), _steps(node.at("steps"), rates)),)
    elif form == "seasons":
        seasons = tuple(_season_steps(item, rates) for item in node.at("seasons").items(12))
    whole = node.has("whole_kwh") and node.at("whole_kwh").truth()
    if whole and not node.has("per_days"):
        node.at("whole_kwh").fault("rounds what per_days makes of the limits: give per_days too")
    ladder = Ladder(
        seasons=seasons,
        slabs=_slabs(node.at("slabs"), rates) if form == "slabs" else (),
        per_days=node.at("per_days").whole(1, 366) if node.has("per_days") else None,
        whole_kwh=whole,
        households=_households(node.at("household")) if node.has("household") else (),
    )
    _check_bands_agree(node, ladder)
    return ladder


def _check_bands_agree(node: Node, ladder: Ladder) -> None:
    lists = [season.steps for season in ladder.seasons] + [slab.steps for slab in ladder.slabs]
    bands = {frozenset(step.rates_e8) for steps in lists for step in steps}
    if len(bands) > 1:
        node.fault("every step must have prices for the same bands")
    if ladder.slabs and any(ALL_HOURS not in names for names in bands):
        node.fault("slabs have one price for all hours: prices by band are not known for them")


def _season_steps(node: Node, rates: Mapping[str, int] | None) -> SeasonSteps:
    if not node.members("months", "from", "to", "steps", needed=("steps",)):
        return SeasonSteps(Season(), ())
    return SeasonSteps(_season(node), _steps(node.at("steps"), rates))


def _steps(node: Node, rates: Mapping[str, int] | None) -> tuple[Step, ...]:
    steps: list[Step] = []
    nodes = list(node.items(STEPS_MAX))
    for item in nodes:
        step = _step(item, rates)
        last = item is nodes[-1]
        if step.up_to_wh is None and not last:
            item.fault("needs up_to_kwh: only the last step goes on without end")
        if steps and step.up_to_wh is not None and step.up_to_wh <= (steps[-1].up_to_wh or 0):
            item.at("up_to_kwh").fault("must be above that of the step before")
        steps.append(step)
    return tuple(steps)


def _step(node: Node, rates: Mapping[str, int] | None) -> Step:
    empty = Step(None, rates or {ALL_HOURS: 0})
    if not node.members("up_to_kwh", "add", "price", "prices"):
        return empty
    up_to = _wh(node.at("up_to_kwh")) if node.has("up_to_kwh") and node.value["up_to_kwh"] is not None else None
    if up_to == 0:
        node.at("up_to_kwh").fault("must be above zero")
    form = node.one_of("add", "price", "prices")
    if form == "add":
        add = _rate(node.at("add"))
        if rates is None:
            node.at("add").fault("is added to a price: give the version a price or prices")
        if any(rate + add < 0 for rate in (rates or {}).values()):
            node.at("add").fault("makes a price that is below zero")
        return Step(up_to, {band: rate + add for band, rate in (rates or {ALL_HOURS: 0}).items()}, add)
    if form and rates is not None:
        node.at(form).fault("the version has its own price: use add here, or leave that price away")
    if form == "prices":
        return Step(up_to, _banded(node.at("prices")))
    return Step(up_to, {ALL_HOURS: _price(node.at("price"))}) if form else empty


def _slabs(node: Node, rates: Mapping[str, int] | None) -> tuple[Slab, ...]:
    slabs: list[Slab] = []
    nodes = list(node.items(STEPS_MAX))
    for item in nodes:
        if not item.members("total_up_to_kwh", "fixed", "steps", needed=("steps",)):
            continue
        key = "total_up_to_kwh"
        up_to = _wh(item.at(key)) if item.has(key) and item.value[key] is not None else None
        if up_to is None and item is not nodes[-1]:
            item.fault("needs %(key)s: only the last slab goes on without end", key=key)
        if slabs and up_to is not None and up_to <= (slabs[-1].up_to_wh or 0):
            item.at(key).fault("must be above that of the slab before")
        fixed = _money(item.at("fixed")) if item.has("fixed") else 0
        slabs.append(Slab(up_to, fixed, _steps(item.at("steps"), rates)))
    return tuple(slabs)


def _households(node: Node) -> tuple[Household, ...]:
    found: list[Household] = []
    for item in node.items(20):
        if not item.members("persons", "add_kwh", needed=("persons", "add_kwh")):
            continue
        household = Household(item.at("persons").whole(1, 100), _wh(item.at("add_kwh")))
        if found and household.persons <= found[-1].persons:
            item.at("persons").fault("must be above that of the one before")
        found.append(household)
    return tuple(found)


def _free(node: Node, settlement: Settlement) -> Free:
    if not node.members("kwh", "amount", "every"):
        return Free()
    node.one_of("kwh", "amount")
    every = node.at("every").choice(("span", "month")) if node.has("every") else "span"
    if node.has("amount") and every == "month" and settlement.every != "month":
        node.at("every").fault("free money counts over the span of the settlement: leave it away, or settle monthly")
    return Free(
        wh=_wh(node.at("kwh")) if node.has("kwh") else 0,
        fen=_money(node.at("amount")) if node.has("amount") else 0,
        every=every,  # type: ignore[arg-type] # a choice
    )


def _fee(node: Node) -> Fee:
    if not node.members("name", "amount", "every", "times", "per_kwh", "rate", "of", "above_kwh", needed=("name",)):
        return Fee("")
    name, form = node.at("name").text(longest=64), node.one_of("amount", "per_kwh", "rate")
    for key, of in (("every", "amount"), ("times", "amount"), ("of", "rate"), ("above_kwh", "rate")):
        if node.has(key) and form != of:
            node.at(key).fault("belongs to a fee with %(of)s", of=of)
    if form == "amount":
        every = node.at("every").choice(("month", "span", "day")) if node.has("every") else "month"
        times = node.at("times").text(longest=32) if node.has("times") else ""
        return Fee(name, fen=_money(node.at("amount")), every=every, times=times)  # type: ignore[arg-type] # a choice
    if form == "per_kwh":
        return Fee(name, per_kwh_e8=_rate(node.at("per_kwh")))
    if form == "rate":
        return _part(node, name)
    return Fee(name)


def _part(node: Node, name: str) -> Fee:
    part = node.at("rate").unit(Rate.parse, Rate(0), "a part such as 0.08 for 8 %").e8
    of = node.at("of").choice(("all", "energy", "fees")) if node.has("of") else "all"
    above = _wh(node.at("above_kwh")) if node.has("above_kwh") else 0
    if above and of != "energy":
        node.at("above_kwh").fault("belongs to a rate of energy")
    return Fee(name, part_e8=part, of=of, above_wh=above)  # type: ignore[arg-type] # a choice


def _checked(node: Node, version: Version) -> Version:
    """What only makes sense, or none, once every member has its form."""
    if node.faults.found:
        return version
    _check_calendar(node, version)
    if version.free and version.ladder and version.ladder.slabs:
        node.at("free").fault("does not go with slabs: which slab applies would depend on what is free")
    _check_limits_of_fees(node, version)
    _check_seasons(node, version)
    return version


def _check_limits_of_fees(node: Node, version: Version) -> None:
    seasons = version.ladder.seasons if version.ladder else ()
    starts = [{0, *(step.up_to_wh for step in season.steps)} for season in seasons] or [{0}]
    for index, fee in enumerate(version.fees):
        if fee.above_wh and not all(fee.above_wh in known for known in starts):
            node.at("fees").at(index).at("above_kwh").fault("must be where a step of the ladder begins")


def _check_seasons(node: Node, version: Version) -> None:
    if version.ladder is None or version.ladder.slabs:
        return
    missing = [day for day in _leap_year() if not any(one.season.holds(day) for one in version.ladder.seasons)]
    if missing and node.has("ladder") and node.at("ladder").has("seasons"):
        said = "no season holds %(day)s, nor %(more)s days more"
        node.at("ladder").at("seasons").fault(said, day=f"{missing[0]:%m-%d}", more=len(missing) - 1)


def _leap_year() -> list[date]:
    return [date(2024, 1, 1) + timedelta(days=count) for count in range(366)]


def _check_calendar(node: Node, version: Version) -> None:
    if not version.tables:
        for key in ("calendar", "dates", "holidays", "workdays"):
            if node.has(key) and node.value[key]:
                node.at(key).fault("needs tables")
        return
    for index, rule in enumerate(version.calendar):
        if rule.table not in version.tables:
            node.at("calendar").at(index).at("table").fault(UNKNOWN_TABLE, tables=", ".join(version.tables))
    for day, table in version.dates.items():
        if table not in version.tables:
            node.at("dates").at(day.isoformat()).fault(UNKNOWN_TABLE, tables=", ".join(version.tables))
    for day in version.holidays & version.workdays:
        node.at("workdays").fault("%(day)s is a holiday too", day=str(day))
    if version.calendar and (uncovered := _uncovered(version)) is not None:
        kind, name, nth = uncovered
        said = "no rule fits a %(kind)s (%(name)s) on %(day)s; end with a rule that names only a table"
        node.at("calendar").fault(said, kind=kind, name=name, day=nth)
    if not version.calendar and len(version.tables) > 1:
        node.fault("has several tables and no calendar that says which day has which")


def _uncovered(version: Version) -> tuple[str, str, str] | None:
    """A day of some year for which no rule names a table: its kind, weekday and date. None if there is none."""
    last = version.calendar[-1]
    if last.season == Season() and not last.days:
        return None
    for day in _leap_year():
        for shift, name in enumerate(WEEKDAYS):
            same = date(2024, 1, 1) + timedelta(days=shift)  # a Monday and what follows
            for kind in DAY_KINDS if name in WEEKDAYS[5:] else ("weekday", "holiday"):
                if not any(_fits(rule, day, same, kind) for rule in version.calendar):
                    return kind, name, f"{day:%m-%d}"
    return None


def _fits(rule: CalendarRule, day: date, weekday: date, kind: str) -> bool:
    return rule.season.holds(day) and CalendarRule(rule.table, days=rule.days).fits(weekday, kind)
