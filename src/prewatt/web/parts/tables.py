"""A register page is four attributes: columns, filters, the default order, and where its rows come from.

Everything else follows: filters in the URL that can be taken off one by one, sorting by an allow-list, pages on the
server, column choice, print, and an Excel file of exactly what is shown (`prewatt.web.parts.sheets`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.units.values import Price
from prewatt.web.parts.formats import MINUS, display_width, moment, thousandth, yuan
from prewatt.web.parts.words import Text

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

Kind = Literal["text", "money", "energy", "price", "count", "when", "day"]
SIZES = (25, 50, 100, 200)
PRINT_MAX = 2000  # rows on paper: fifty sheets. Who needs more takes the file
TEXT_MAX = 64
ALL = gettext_lazy("all")
SHORT_MAX = 18
NOTHING_YET = gettext_lazy("Nothing is recorded here yet.")
_UNIT = re.compile(r"\(([^()]+)\)$")
NUMBERS = frozenset({"money", "energy", "price", "count"})


def _says_unit(title: str) -> bool:
    unit = _UNIT.search(unicodedata.normalize("NFKC", title))  # Chinese brackets are wide
    return unit is not None and unit[1] in {"kWh", "kW", "V", "A", "%", _("yuan")}


def _by_name(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, Mapping) else getattr(row, name, None)


@dataclass(frozen=True, slots=True)
class Column:
    """`value` gives a whole number of fen, Wh, 1e-4 yuan or pieces, a time, a day, or text; `kind` says which of them.

    `sort` are the fields to order by; a column without them cannot be sorted. `tone` is a CSS class, `icon` the name
    of an icon, `link` an address; none of them reaches the Excel file.
    """

    key: str
    title: Text
    kind: Kind = "text"
    value: Callable[[Any], Any] | None = None
    sort: tuple[str, ...] = ()
    shown: bool = True
    link: Callable[[Any], str] | None = None
    tone: Callable[[Any], str] | None = None
    icon: Callable[[Any], str] | None = None
    chip: Callable[[Any], str] | None = None  # the CSS class of a state: drawn as its chip
    width: int = 14  # characters, in the Excel file
    order: Callable[[Any], Any] | None = None  # what a list sorts by, where that is not the value itself
    bare: bool = False  # the list's title says the unit of all its columns

    def of(self, row: Any) -> Any:
        return self.value(row) if self.value is not None else _by_name(row, self.key)

    @property
    def right(self) -> bool:
        return self.kind in NUMBERS

    @property
    def headed(self) -> str:
        """The title with its unit. One that ends in another unit says its own: “Power (kW)”."""
        title = str(self.title)
        if self.bare or _says_unit(title):
            return title
        return {
            "money": _("%(title)s (yuan)") % {"title": title},
            "energy": _("%(title)s (kWh)") % {"title": title},
        }.get(self.kind, title)


@dataclass(frozen=True, slots=True)
class Filter:
    """`kind`: text, choice (with `choices`), or day. What is not a valid value is treated as not given."""

    key: str
    title: Text
    kind: Literal["text", "choice", "day"] = "text"
    choices: Callable[[Operator], Iterable[tuple[str, Text]]] | None = None
    width: str = ""  # a CSS class
    unset: Text = ALL  # what a choice says while nothing is chosen

    def read(self, text: str, options: Iterable[tuple[str, Text]]) -> Any:
        """The value in its type, or None."""
        text = text.strip()[:TEXT_MAX]
        if self.kind == "day":
            return _day(text)
        if self.kind == "choice":
            return text if text in {value for value, _label in options} else None
        return text or None

    def options(self, operator: Operator) -> list[tuple[str, Text]]:
        return list(self.choices(operator)) if self.choices is not None else []


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Ask:
    """What a page asks of its rows: who asks, and the valid filter values by key."""

    operator: Operator
    values: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.values.get(key)


@dataclass(frozen=True, slots=True)
class Register:
    """`rows` takes an Ask and gives a query set (or a list) already within the operator's buildings.

    `defaults` are filter values while the URL names no filter at all. `totals` gives the sums of a column by its key.
    `count` says how many rows there are where that is known from sums, without counting millions of rows one by one.
    """

    name: str  # of the Excel file, and of the page
    title: Text
    columns: Sequence[Column]
    filters: Sequence[Filter]
    order: str  # a column's key, with "-" in front for falling
    rows: Callable[[Ask], Any]
    totals: Callable[[Ask], Mapping[str, int]] | None = None
    pages: Callable[[Ask, str], Any] | None = None  # rows in this order, quicker to cut than `rows`; None: not this one
    count: Callable[[Ask], int] | None = None
    defaults: Callable[[Operator], Mapping[str, str]] | None = None
    empty: Text = NOTHING_YET
    icon: str = "inbox"  # of an empty list
    tie: tuple[str, ...] = ("pk",)  # ends every order, so that pages never overlap


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    column: Column
    headed: str = ""
    link: str = ""
    tone: str = ""
    icon: str = ""
    chip: str = ""

    @property
    def short(self) -> bool:
        """Stands on one line however narrow the list is: a room, a name, a duration. A Chinese sign counts two."""
        return len(self.text) <= SHORT_MAX and display_width(self.text) <= SHORT_MAX


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter and the address without it."""

    title: Text
    text: str
    without: str


@dataclass(frozen=True, slots=True)
class Head:
    column: Column
    href: str  # empty: cannot be sorted
    mark: Literal["", "up", "down"]


@dataclass(frozen=True, slots=True)
class FilterField:
    filter: Filter
    text: str
    options: list[tuple[str, Text]]

    @property
    def id(self) -> str:
        return f"filter-{self.filter.key}"


@dataclass(slots=True)
class Table:
    """A register as somebody looks at it: read from the URL once, then only asked."""

    register: Register
    operator: Operator
    query: QueryDict
    ask: Ask = field(init=False)
    options: dict[str, list[tuple[str, Text]]] = field(init=False)  # of each filter by its key, asked for once
    columns: list[Column] = field(init=False)
    sort: str = field(init=False)
    size: int = field(init=False)
    narrowed: bool = field(init=False)  # by more than the filters that this list begins with
    printing: bool = field(init=False)  # all rows on one page, up to PRINT_MAX
    _page: Page[Any] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        given = self.query
        self.printing = given.get("print") == "1"
        if self.printing:
            given = given.copy()
            del given["print"]
        named = any(one.key in given for one in self.register.filters)
        begins = dict(self.register.defaults(self.operator)) if self.register.defaults is not None else {}
        if not named and begins:
            given = given.copy()
            given.update(begins)
        self.query = given
        self.options = {one.key: one.options(self.operator) for one in self.register.filters}
        read = {one.key: one.read(given.get(one.key, ""), self.options[one.key]) for one in self.register.filters}
        self.ask = Ask(self.operator, {key: value for key, value in read.items() if value is not None})
        self.narrowed = any(self._text(one) not in ("", begins.get(one.key)) for one in self.register.filters)
        self.columns = self._columns()
        self.sort = self._sort()
        self.size = PRINT_MAX if self.printing else _size(given.get("size", ""))

    def _columns(self) -> list[Column]:
        wanted = {key for text in self.query.getlist("cols") for key in text.split(",")}
        chosen = [one for one in self.register.columns if one.key in wanted]
        return chosen or [one for one in self.register.columns if one.shown]

    def _sort(self) -> str:
        asked = self.query.get("sort", "")
        known = {one.key for one in self.register.columns if one.sort}
        return asked if asked.removeprefix("-") in known else self.register.order

    def ordered(self) -> Any:
        """All rows, sorted: what the export writes and what the pages cut."""
        rows: Any = self.register.rows(self.ask)
        column = next(one for one in self.register.columns if one.key == self.sort.removeprefix("-"))
        falling = self.sort.startswith("-")
        if isinstance(rows, list):
            value = column.order or column.of
            return sorted(rows, key=lambda row: _sortable(value(row)), reverse=falling)
        names = (*column.sort, *self.register.tie)
        return rows.order_by(*(f"-{name}" if falling else name for name in dict.fromkeys(names)))

    @property
    def page(self) -> Page[Any]:
        if self._page is None:
            quick = self.register.pages(self.ask, self.sort) if self.register.pages is not None else None
            paginator = Paginator(self.ordered() if quick is None else quick, self.size)
            if self.register.count is not None:
                paginator.count = self.register.count(self.ask)
            self._page = paginator.get_page(self.query.get("page"))
        return self._page

    def rows(self) -> list[list[Cell]]:
        return self.cells(self.page.object_list)

    def cells(self, rows: Iterable[Any]) -> list[list[Cell]]:
        heads = [(column, column.headed) for column in self.columns]  # translated once, not for each cell
        return [[_cell(column, headed, row) for column, headed in heads] for row in rows]

    def sums(self) -> Mapping[str, int] | None:
        """The sums of all pages by column key; None where this register has none."""
        return self.register.totals(self.ask) if self.register.totals is not None else None

    def totals(self) -> list[tuple[Column, str]]:
        """One text a column, empty where nothing is summed; an empty list when this register has no sums."""
        if (sums := self.sums()) is None:
            return []
        return [(one, show(sums[one.key], one.kind) if one.key in sums else "") for one in self.columns]

    def heads(self) -> list[Head]:
        return [self._head(one) for one in self.columns]

    def _head(self, column: Column) -> Head:
        rising, falling = self.sort == column.key, self.sort == f"-{column.key}"
        following = f"-{column.key}" if rising else column.key
        href = self.href(sort=following, page=None) if column.sort else ""
        return Head(column, href, "up" if rising else "down" if falling else "")

    def fields(self) -> list[FilterField]:
        return [FilterField(one, self._text(one), self.options[one.key]) for one in self.register.filters]

    def _text(self, one: Filter) -> str:
        value = self.ask[one.key]
        return "" if value is None else str(value)

    def chips(self) -> list[Chip]:
        return [
            Chip(one.title, self._label(one), self.href(page=None, **{one.key: ""}))
            for one in self.register.filters
            if self.ask[one.key] is not None
        ]

    def _label(self, one: Filter) -> str:
        text = self._text(one)
        return next((str(label) for value, label in self.options[one.key] if value == text), text)

    def href(self, **changes: str | int | None) -> str:
        """This page's address with some parts changed; None takes a part away.

        A filter that was taken off stays in the address as empty, so that the defaults do not come back.
        """
        query = self.query.copy()
        for name, value in changes.items():
            if value is None:
                query.pop(name, None)
            else:
                query[name] = str(value)
        return f"?{query.urlencode()}"

    @property
    def cleared(self) -> str:
        return self.href(page=None, **dict.fromkeys((one.key for one in self.register.filters), ""))

    @property
    def export_query(self) -> str:
        return self.href(page=None, size=None)

    @property
    def previous(self) -> str:
        return (
            self.href(page=self.page.previous_page_number()) if self.page.has_previous() and not self.printing else ""
        )

    @property
    def following(self) -> str:
        return self.href(page=self.page.next_page_number()) if self.page.has_next() and not self.printing else ""

    @property
    def to_print(self) -> str:
        """Where all rows stand on one page; empty where they do already."""
        whole = self.printing or self.page.paginator.num_pages == 1
        return "" if whole else self.href(print="1", page=None)

    @property
    def to_pages(self) -> str:
        return self.href(page=None)

    @property
    def missing(self) -> int:
        """So many rows are on no sheet of what is printed."""
        return max(0, self.page.paginator.count - PRINT_MAX) if self.printing else 0

    @property
    def elsewhere(self) -> int:
        """So many rows are on other pages: the browser's own print leaves them out."""
        return 0 if self.printing else self.page.paginator.count - len(self.page.object_list)

    def sizes(self) -> list[tuple[int, str]]:
        return [(size, self.href(size=size, page=None)) for size in SIZES]

    def choosable(self) -> list[tuple[Column, bool]]:
        return [(one, one in self.columns) for one in self.register.columns]

    def kept(self) -> list[tuple[str, str]]:
        """What a filter form must carry along: order, columns and page size."""
        return [(name, value) for name in ("sort", "cols", "size") for value in self.query.getlist(name) if value]


def _size(text: str) -> int:
    return int(text) if text.isdecimal() and int(text) in SIZES else SIZES[1]


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else 0)


def _cell(column: Column, headed: str, row: Any) -> Cell:
    return Cell(
        show(column.of(row), column.kind),
        column,
        headed,
        column.link(row) if column.link else "",
        column.tone(row) if column.tone else "",
        column.icon(row) if column.icon else "",
        column.chip(row) if column.chip else "",
    )


def show(value: Any, kind: Kind) -> str:
    """A value as people read it. Nothing known is an empty text, never zero."""
    if value is None or value == "":
        return ""
    if kind == "money":
        return yuan(int(value))
    if kind == "energy":
        return thousandth(int(value))
    if kind == "price":
        return str(Price(int(value)))
    if kind == "count":
        return f"{int(value):,}".replace("-", MINUS)
    if kind == "when" and isinstance(value, datetime):
        return moment(value)
    if kind == "day" and isinstance(value, date):
        return value.isoformat()
    return str(value)


def count_text(table: Table) -> str:
    """“21–40 of 380”."""
    page = table.page
    if page.paginator.count == 0:
        return _("0 rows")
    return _("%(first)d–%(last)d of %(count)d") % {
        "first": page.start_index(),
        "last": page.end_index(),
        "count": page.paginator.count,
    }
