"""The process that `bench reports` measures in. `python -m prewatt.server.bench.reports_client JSON` prints JSON."""

from __future__ import annotations

import json
import logging
import random
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import django
from django.conf import settings

from prewatt.server import schema
from prewatt.server.bench.console_client import SEED, _asked, _figures, _queries

ROOM = "reports"
# Measured with the room: reports that stand in another one, and the sales list (the same days, and the most rows).
LISTS = (
    "console:sales",
    "console:shifts",
    "console:statements",
    "console:differing",
    "console:online-bills",
    "console:cutoff",
    "console:plans",
    "console:report-daily-columns",
    "console:dashboard",
)
# What costs more than the page as it opens: a second span beside the first, an order that no index has.
ASKED_FOR = (
    ("report-usage", "against=year"),
    ("report-usage", "by=meter&against=year"),
    ("report-usage", "by=tenant"),
    ("report-usage", "by=time&per=month&against=year"),
    ("report-readings", "sort=-used"),
    ("report-readings", "sort=-after"),
    ("report-daily", "sort=-energy"),
    ("report-balance", "sort=-lost"),
)


def main() -> None:
    asked = json.loads(sys.argv[1])
    rounds = asked.pop("rounds")
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    django.setup()
    settings.ALLOWED_HOSTS = ["testserver"]
    schema.bring_up_to_date()
    sys.stdout.write(json.dumps(_measured(asked, rounds)) + "\n")


def _measured(size: Mapping[str, int], rounds: int) -> dict[str, Any]:
    from django.db import connection
    from django.test import Client

    from prewatt.domain.reports import summing
    from prewatt.server.bench.reports_load import Size, counted, load

    now, began = datetime.now(UTC), time.perf_counter()
    who = _somebody(now)
    rows = counted() or load(Size(**size), now=now, seller=who, say=_say)
    summing.sum_days(now=now)  # a worker does it once a minute
    load_s = round(time.perf_counter() - began, 1)
    client = Client()
    client.force_login(who)
    addresses = dict(_addresses(who))
    pages = _pages_measured(client, addresses, rounds)
    return {
        "database": connection.vendor,
        "rows": rows,
        "load_s": load_s,
        "pages": pages,
        "failed": sorted(addresses.keys() - pages.keys()),
        "exports": dict(_exports(client, who)),
    }


def _somebody(now: datetime) -> Any:
    from prewatt.domain.staff import operations as staff
    from prewatt.domain.staff.models import Operator

    return Operator.objects.filter(username="bench").first() or staff.add_operator(
        username="bench", name="bench", role=staff.ready_roles()["admin"], password="bench", now=now,  # noqa: S106 # nosec B106
        all_buildings=True, check_password=False,
    )  # fmt: skip


def _say(what: str, done: int, every: int) -> None:
    if done in {0, every} or done % 100 == 0:
        sys.stderr.write(f"{what} {done}/{every}\n")


def _addresses(who: Any) -> Iterator[tuple[str, str]]:
    """Name -> address: every page of the room as it opens, and over a month and a year where it has days to choose."""
    paths = dict(_paths())
    for name, query in ASKED_FOR:
        yield f"{name}, {query}", f"{paths[name]}?{query}"
    for name, path in paths.items():
        yield name, path
        for period, query in _periods(path, who):
            yield f"{name}, {period}", f"{path}?{query}"


def _paths() -> list[tuple[str, str]]:
    from django.urls import reverse

    from prewatt.web.parts.nav import ROOMS

    room = next(one for one in ROOMS if one.name == ROOM)
    return [(url.partition(":")[2], reverse(url)) for url in (*(link.url for link in room.links), *LISTS)]


def _periods(path: str, who: Any) -> Iterator[tuple[str, str]]:
    from prewatt.domain.metering.queries import today
    from prewatt.web.parts.exporting import NotAList, list_of

    try:
        table = list_of(path=path, query="", operator=who)
    except NotAList:
        return
    days = [one.key for one in table.register.filters if one.kind == "day"]
    if len(days) < 2:
        return
    last = today(datetime.now(UTC)) - timedelta(days=1)
    for name, first in (("month", last - timedelta(days=30)), ("year", last - timedelta(days=364))):
        yield name, _query(days, first, last)


def _query(days: list[str], first: date, last: date) -> str:
    return f"{days[0]}={first.isoformat()}&{days[1]}={last.isoformat()}"


def _pages_measured(client: Any, pages: Mapping[str, str], rounds: int) -> dict[str, dict[str, float]]:
    """Every page once a round, in another order each time; the first round is for warming up."""
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in pages}
    queries = {name: found for name, url in pages.items() if (found := _first(client, name, url))}
    for _turn in range(rounds):
        for name in chance.sample(sorted(queries), len(queries)):
            spent[name].append(_asked(client, pages[name]))
    return {name: _figures(spent[name], queries[name]) for name in queries}


def _first(client: Any, name: str, url: str) -> int:
    """How many queries a page asks; 0: it fails, and is left out with a word."""
    try:
        return _queries(client, url)
    except Exception as error:  # one broken page must not cost the figures of all others
        sys.stderr.write(f"{name} fails: {error}\n")
        return 0


def _exports(client: Any, who: Any) -> Iterator[tuple[str, dict[str, float]]]:
    """Every list that has days, over a year, by what the worker runs. What is too long for one file takes no time."""
    from prewatt.domain.lists.models import Export

    Export.objects.all().delete()  # of an earlier run that was ended
    for name, path in _paths():
        for period, query in _periods(path, who):
            if period == "year":
                yield name, _export(client, path, query)


def _export(client: Any, path: str, query: str) -> dict[str, float]:
    from prewatt.domain.lists import exports
    from prewatt.domain.lists.models import Export
    from prewatt.web.parts import exporting

    key, told, advance = uuid4().hex, 0, exports.advance

    def counted(*given: Any, **named: Any) -> bool:
        nonlocal told
        told += 1
        return advance(*given, **named)

    client.post("/exports/new/", {"export_id": key, "path": path, "query": query})
    exports.advance = counted
    began = time.perf_counter()
    try:
        exporting.work(datetime.now(UTC))
    finally:
        exports.advance = advance
    seconds = time.perf_counter() - began
    one = Export.objects.filter(pk=key).first()
    if one is None or one.state != "ready":
        return {"rows": one.rows_total if one else 0, "seconds": 0.0, "rows_s": 0, "mib": 0.0, "told": told}
    rows_s = round(one.rows_done / seconds)
    mib = round((one.bytes or 0) / 2**20, 1)
    return {"rows": one.rows_done, "seconds": round(seconds, 1), "rows_s": rows_s, "mib": mib, "told": told}


if __name__ == "__main__":
    main()
