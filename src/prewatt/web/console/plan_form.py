"""The usual price plans as a form: its fields, what was typed as a plan document, and a document as fields again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from prewatt.domain import workdays
from prewatt.domain.estate.refusals import FieldsRefused
from prewatt.domain.tariff.models import BANDS, PlanKind
from prewatt.domain.tariff.rules.five import BAND_OF_WORD
from prewatt.domain.tariff.rules.plan import FORMAT, SLOTS_MAX
from prewatt.units.values import Energy, Money, Rate, UnitError
from prewatt.web.console.views.estate.forms import Box, Part
from prewatt.web.parts.plan_words import BANDS as BAND_WORDS

STEPS, FEES = range(1, 6), range(1, 4)
FORM_KINDS = (PlanKind.FLAT, PlanKind.TOU)
TABLES = ("usual", "weekend", "holiday", "season")
_SLOT = re.compile(r"(\d{1,2}):(\d{2})\s+(\S.*)")
Typed = Mapping[str, str]


def _narrow(text: str) -> str:
    """A Chinese keyboard's wide colons, commas and digits as the narrow ones they mean."""
    return unicodedata.normalize("NFKC", text)


def parts(known: Typed) -> list[Part]:
    """The fields with what they hold; `known` by the names of the fields."""
    return [_price_part(known), _hours_part(known), _ladder_part(known), _fee_part(known)]


def _box(known: Typed, key: str, label: str, **more: Any) -> Box:
    given: dict[str, Any] = {"length_max": 12, "mode": "decimal"}
    return Box(key, label, value=known.get(key, ""), **given | more)


def _price_part(known: Typed) -> Part:
    kinds = [(str(one), one.label) for one in FORM_KINDS]
    unit = _("yuan/kWh")
    boxes = [Box("kind", _("Kind"), "choice", value=known.get("kind", "flat"), choices=kinds)]
    boxes += [_box(known, f"price_{one}", str(BAND_WORDS[one]), unit=unit, required=one == "flat") for one in BANDS]
    note = _("A plan of one price needs only “Flat”. Up to eight decimals; a meter itself holds at most four.")
    return Part(_("Prices"), boxes, note=note)


def _hours_part(known: Typed) -> Part:
    def lines(name: str, label: str, note: str = "") -> Box:
        return Box(f"hours_{name}", label, "lines", value=known.get(f"hours_{name}", ""), note=note, length_max=600)

    boxes = [
        lines("usual", _("Hours of usual days"), _("Such as “00:00 valley”, “08:00 peak”; one line each, at most 14.")),
        lines("weekend", _("Hours of weekends, where they differ")),
        lines("holiday", _("Hours of public holidays, where they differ")),
        lines("season", _("Hours of a season, where they differ")),
        _box(known, "months", _("Months of the season"), mode="", note=_("Such as 7-9 or 1, 7, 8, 12.")),
    ]
    note = _("For a plan by time of use. Left empty, the meter's own hours count, and each meter brings its bands.")
    return Part(_("Hours"), boxes, note=note)


def _ladder_part(known: Typed) -> Part:
    every = [("month", _("each month")), ("year", _("each year"))]
    boxes = [
        Box("every", _("The ladder counts"), "choice", value=known.get("every", "month"), choices=every, wide=True)
    ]
    for number in STEPS:
        named = {"number": number}
        boxes.append(_box(known, f"step_{number}_up_to", _("Step %(number)d, up to") % named, unit="kWh"))
        boxes.append(_box(known, f"step_{number}_add", _("Step %(number)d adds") % named, unit=_("yuan/kWh")))
    note = _("For a ladder: what each step adds to the price. The last has no end. Left empty, there is no ladder.")
    return Part(_("Ladder"), boxes, note=note)


def _fee_part(known: Typed) -> Part:
    kinds = [
        ("month", _("yuan a month")),
        ("day", _("yuan a day")),
        ("per_kwh", _("yuan/kWh")),
        ("rate", _("percent of the energy")),
    ]
    boxes = []
    for number in FEES:
        named = {"number": number}
        name, kind = f"fee_{number}_name", f"fee_{number}_kind"
        boxes.append(_box(known, name, _("Fee %(number)d, its name") % named, mode="", length_max=64))
        boxes.append(_box(known, f"fee_{number}_amount", _("Fee %(number)d, how much") % named))
        chosen = known.get(kind, "month")
        boxes.append(Box(kind, _("Fee %(number)d, for what") % named, "choice", value=chosen, choices=kinds))
    boxes.append(_box(known, "free_kwh", _("Free energy a month"), unit="kWh"))
    note = _("Each fee is a line of its own on the bill. Fees per kWh count towards the cap.")
    return Part(_("Fees and what is free"), boxes, note=note)


def document(typed: Typed, *, name: str, zone: str, first: date) -> dict[str, Any]:
    """What was typed as a plan document. Raises FieldsRefused with a sentence for each field that cannot be so."""
    read = _Reading(typed)
    version: dict[str, Any] = {}
    banded = typed.get("kind") == PlanKind.TOU
    if banded:
        version["prices"] = {band: read.rate(f"price_{band}") for band in BANDS if read.has(f"price_{band}")}
        if len(version["prices"]) < 2:
            read.wrong(f"price_{BANDS[1]}", _("Give at least two bands a price."))
        version |= read.hours(version["prices"], first)
    else:
        version["price"] = read.rate("price_flat")
    version |= read.ladder()
    version |= read.fees()
    if read.has("free_kwh"):
        version["free"] = {"kwh": read.kwh("free_kwh"), "every": "month"}
    if read.problems:
        raise FieldsRefused(read.problems)
    found: dict[str, Any] = {"format": FORMAT, "name": name, "zone": zone, "versions": [version]}
    if "ladder" in version:
        found["settlement"] = {"every": "year" if typed.get("every") == "year" else "month"}
    return found


class _Reading:
    """Fields read one by one; a wrong one is noted and the next is read."""

    def __init__(self, typed: Typed) -> None:
        self.typed, self.problems = typed, dict[str, str]()

    def text(self, key: str) -> str:
        return self.typed.get(key, "").strip()

    def has(self, key: str) -> bool:
        return bool(self.text(key))

    def wrong(self, key: str, text: str) -> None:
        self.problems.setdefault(key, text)

    def rate(self, key: str) -> str:
        text = self.text(key)
        try:
            if Rate.parse(text).e8 < 0:
                raise UnitError
        except UnitError:
            self.wrong(key, _("Give yuan per kWh with at most eight decimals, such as 0.7263."))
        return text

    def kwh(self, key: str) -> str:
        text = self.text(key)
        try:
            if Energy.parse_kwh(text).wh <= 0:
                raise UnitError
        except UnitError:
            self.wrong(key, _("Give kWh above zero with at most three decimals."))
        return text

    def hours(self, prices: Mapping[str, str], first: date) -> dict[str, Any]:
        tables = {name: self._table(f"hours_{name}", prices) for name in TABLES if self.has(f"hours_{name}")}
        if not tables:
            return {}
        if "usual" not in tables:
            self.wrong("hours_usual", _("Give the hours of usual days too."))
        found: dict[str, Any] = {"tables": tables}
        if len(tables) > 1:
            found["calendar"] = list(self._calendar(tables))
        if "holiday" in tables or "weekend" in tables:
            found |= days_of(first)
        return found

    def _table(self, key: str, prices: Mapping[str, str]) -> list[dict[str, str]]:
        slots: list[dict[str, str]] = []
        for line in re.split(r"[\n,;]+", _narrow(self.text(key))):
            if not line.strip():
                continue
            slot = self._slot(key, line.strip(), prices)
            if slot and slots and slot["at"] <= slots[-1]["at"]:
                self.wrong(key, _("%(at)s does not come after the line before.") % slot)
            slots += [slot] if slot else []
        if slots and slots[0]["at"] != "00:00":
            self.wrong(key, _("The first line begins at 00:00."))
        if len(slots) > SLOTS_MAX:
            self.wrong(key, _("A meter's day has at most %(most)d periods.") % {"most": SLOTS_MAX})
        return slots

    def _slot(self, key: str, line: str, prices: Mapping[str, str]) -> dict[str, str] | None:
        match = _SLOT.fullmatch(line)
        band = BAND_OF_WORD.get(match[3].strip().lower()) if match else None
        if match is None or band is None or int(match[1]) > 23 or int(match[2]) > 59:
            self.wrong(key, _("“%(line)s” is no time and band, such as “08:00 peak”.") % {"line": line[:40]})
            return None
        if band not in prices:
            self.wrong(key, _("The band “%(band)s” has no price above.") % {"band": match[3].strip()[:20]})
        return {"at": f"{int(match[1]):02d}:{match[2]}", "band": band}

    def _calendar(self, tables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if "holiday" in tables:
            yield {"table": "holiday", "days": ["holiday"]}
        if "weekend" in tables:
            yield {"table": "weekend", "days": ["weekend"]}
        if "season" in tables:
            yield {"table": "season", "months": self._months()}
        yield {"table": "usual"}

    def _months(self) -> list[int]:
        found: set[int] = set()
        for word in re.split(r"[^\w~–-]+", _narrow(self.text("months"))):
            match = re.fullmatch(r"(\d{1,2})(?:[-–~](\d{1,2}))?", word)
            low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
            if not (1 <= low <= 12 and 1 <= high <= 12):
                self.wrong("months", _("Give months such as 7-9 or 1, 7, 8, 12."))
                return [1]
            found.update(range(low, high + 1) if low <= high else [*range(low, 13), *range(1, high + 1)])
        return sorted(found)

    def ladder(self) -> dict[str, Any]:
        used = [number for number in STEPS if self.has(f"step_{number}_up_to") or self.has(f"step_{number}_add")]
        if not used:
            return {}
        if used != list(range(1, len(used) + 1)):
            self.wrong(f"step_{used[-1]}_up_to", _("A step before this one is empty."))
        steps, before = [], 0
        for number in used:
            up_to, last = f"step_{number}_up_to", number == used[-1]
            step = {"add": self.rate(f"step_{number}_add") if self.has(f"step_{number}_add") else "0"}
            if not last or self.has(up_to):
                step["up_to_kwh"] = self.kwh(up_to)
            if last and self.has(up_to):
                self.wrong(up_to, _("The last step goes on without end: leave this empty."))
            if not last and up_to not in self.problems:
                here = Energy.parse_kwh(step["up_to_kwh"]).wh
                if here <= before:
                    self.wrong(up_to, _("This must be more than that of the step before."))
                before = here
            steps.append(step)
        return {"ladder": {"steps": steps}}

    def fees(self) -> dict[str, Any]:
        used = [one for one in FEES if self.has(f"fee_{one}_name") or self.has(f"fee_{one}_amount")]
        found = [self._fee(number) for number in used]
        return {"fees": found} if found else {}

    def _fee(self, number: int) -> dict[str, str]:
        name, key, kind = self.text(f"fee_{number}_name"), f"fee_{number}_amount", self.text(f"fee_{number}_kind")
        if not name:
            self.wrong(f"fee_{number}_name", _("Give the fee a name; it stands on the bill."))
        if kind == "per_kwh":
            return {"name": name, "per_kwh": self.rate(key)}
        if kind == "rate":
            return {"name": name, "rate": self._part(key), "of": "energy"}
        try:
            if Money.parse(self.text(key)).fen < 0:
                raise UnitError
        except UnitError:
            self.wrong(key, _("Give yuan with at most two decimals."))
        return {"name": name, "amount": self.text(key), "every": "day" if kind == "day" else "month"}

    def _part(self, key: str) -> str:
        try:
            return str(Rate(Rate.parse(self.text(key).rstrip("%")).e8 // 100))
        except UnitError:
            self.wrong(key, _("Give percent, such as 8."))
            return "0"


def days_of(first: date) -> dict[str, list[str]]:
    """The public holidays and worked weekend days of the year of `first` and the next, as they are known here."""
    holidays, worked = [], []
    day, end = date(first.year, 1, 1), date(first.year + 2, 1, 1)
    while day < end:
        kind = workdays.kind(day)
        holidays += [day.isoformat()] if kind is workdays.DayKind.HOLIDAY else []
        worked += [day.isoformat()] if kind is workdays.DayKind.MADE_UP else []
        day += timedelta(days=1)
    return {"holidays": holidays, "workdays": worked}


def fields(found: Mapping[str, Any]) -> dict[str, str] | None:
    """A kept document as the fields of the form; None where the form cannot say all of it."""
    version = found["versions"][0]
    known = {"kind": "tou" if "prices" in version else "flat", **_settled(found)}
    if set(version) - _SAID or set(found) - {"format", "name", "zone", "versions", "settlement", "note"}:
        return None
    if "price" in version:
        known["price_flat"] = str(version["price"])
    known |= {f"price_{band}": str(price) for band, price in version.get("prices", {}).items()}
    said = (_tables(version), _steps(version.get("ladder")), _fees(version.get("fees", ())), _free(version.get("free")))
    for more in said:
        if more is None:
            return None
        known |= more
    return known


_SAID = {"price", "prices", "tables", "calendar", "holidays", "workdays", "ladder", "fees", "free"}


def _settled(found: Mapping[str, Any]) -> dict[str, str]:
    return {"every": str(found.get("settlement", {}).get("every", "month"))}


def _tables(version: Mapping[str, Any]) -> dict[str, str] | None:
    tables = version.get("tables", {})
    if set(tables) - set(TABLES) or (tables and "usual" not in tables):
        return None
    known = {
        f"hours_{name}": "\n".join(f"{slot['at']} {BAND_WORDS.get(slot['band'], slot['band'])}" for slot in slots)
        for name, slots in tables.items()
    }
    season: Mapping[str, Any] = next(
        (rule for rule in version.get("calendar", ()) if rule.get("table") == "season"), {}
    )
    return known | ({"months": ", ".join(map(str, season["months"]))} if "months" in season else {})


def _steps(ladder: Mapping[str, Any] | None) -> dict[str, str] | None:
    if ladder is None:
        return {}
    steps: Iterable[Mapping[str, Any]] = ladder.get("steps", ())
    if set(ladder) != {"steps"} or len(ladder["steps"]) > len(STEPS) or not all("add" in one for one in steps):
        return None
    known = {f"step_{number}_add": str(one["add"]) for number, one in enumerate(steps, 1)}
    return known | {
        f"step_{number}_up_to": str(one["up_to_kwh"]) for number, one in enumerate(steps, 1) if one.get("up_to_kwh")
    }


def _fees(fees: Any) -> dict[str, str] | None:
    known: dict[str, str] = {}
    if len(fees) > len(FEES):
        return None
    for number, fee in enumerate(fees, 1):
        kind = "per_kwh" if "per_kwh" in fee else "rate" if "rate" in fee else fee.get("every", "month")
        if "times" in fee or "above_kwh" in fee or kind == "span" or (kind == "rate" and fee.get("of") != "energy"):
            return None
        amount = str(fee.get("per_kwh") or fee.get("amount") or "")
        if kind == "rate":
            amount = f"{Rate.parse(str(fee['rate'])).e8 / 10**6:g}"
        known |= {f"fee_{number}_name": fee["name"], f"fee_{number}_kind": kind, f"fee_{number}_amount": amount}
    return known


def _free(free: Mapping[str, Any] | None) -> dict[str, str] | None:
    if free is None:
        return {}
    return {"free_kwh": str(free["kwh"])} if "kwh" in free and free.get("every") == "month" else None
