"""The process that `bench console` measures in: one database, one site, one person who looks at every page.

`python -m prewatt.server.bench.console_client METERS ROUNDS` prints the figures as one line of JSON.
"""

from __future__ import annotations

import json
import logging
import random
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from prewatt.server import schema

SEED = 7
HELLO = "/bench/hello/"


def hello(_request: HttpRequest) -> HttpResponse:
    """The floor: every middleware, no query, no template."""
    return HttpResponse("hello")


def main() -> None:
    meters, rounds = int(sys.argv[1]), int(sys.argv[2])
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    django.setup()
    settings.ROOT_URLCONF = "prewatt.server.bench.console_urls"
    settings.ALLOWED_HOSTS = ["testserver"]
    schema.bring_up_to_date()
    client = _logged_in(meters)
    sys.stdout.write(json.dumps(_measured(client, rounds)) + "\n")


def _logged_in(meters: int) -> Any:
    from django.test import Client

    from prewatt.domain.staff import operations as staff
    from prewatt.server.demo import scale

    now = datetime.now(UTC)
    who = staff.add_operator(
        username="bench", name="bench", role=staff.ready_roles()["admin"], password="bench", now=now,  # noqa: S106 # nosec B106
        all_buildings=True, check_password=False,
    )  # fmt: skip
    scale.load(meters=meters, now=now, seller=who)
    client = Client()
    client.force_login(who)
    return client


def _measured(client: Any, rounds: int) -> dict[str, dict[str, float]]:
    """Every page once a round, in another order each time."""
    pages = dict(_pages())
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in pages}
    queries: dict[str, int] = {}
    for turn in range(rounds + 1):
        for name in chance.sample(sorted(pages), len(pages)):
            url = pages[name](chance)
            if turn == 0:
                queries[name] = _queries(client, url)
            else:
                spent[name].append(_asked(client, url))
    return {name: _figures(spent[name], queries[name]) for name in pages}


def _asked(client: Any, url: str) -> tuple[float, float]:
    """Milliseconds by the clock, and of this process on a core."""
    began, on_core = time.perf_counter(), time.process_time()
    answer = client.get(url)
    spent_ms, cpu_ms = (time.perf_counter() - began) * 1000, (time.process_time() - on_core) * 1000
    if answer.status_code != 200:
        raise RuntimeError(f"{url} answered {answer.status_code}")
    return spent_ms, cpu_ms


def _queries(client: Any, url: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        _asked(client, url)
    return len(captured)


def _figures(spent: list[tuple[float, float]], queries: int) -> dict[str, float]:
    cuts = statistics.quantiles([ms for ms, _cpu in spent], n=20, method="inclusive")
    cpu_ms = statistics.median(cpu for _ms, cpu in spent)
    return {"p50_ms": round(cuts[9], 1), "p95_ms": round(cuts[18], 1), "cpu_ms": round(cpu_ms, 1), "queries": queries}


def _pages() -> Iterator[tuple[str, Callable[[random.Random], str]]]:
    """Name of a page -> its address, another one each time where people would ask for another."""
    from django.urls import reverse

    from prewatt.domain.estate.models import Building

    codes = list(Building.objects.values_list("code", flat=True))
    fleet, building, find = (reverse(f"console:{name}") for name in ("fleet", "building", "sale-find"))
    customers = reverse("console:customers")

    def room(chance: random.Random) -> str:
        return f"{chance.randint(1, 20):02d}{chance.randint(1, 6):02d}"

    yield "hello (the floor)", lambda _chance: HELLO
    yield "dashboard", lambda _chance: reverse("console:dashboard")
    yield "fleet, first page", lambda _chance: fleet
    yield "fleet, any page", lambda chance: f"{fleet}?page={chance.randint(2, 100)}"
    yield "fleet, one state", lambda chance: f"{fleet}?state={chance.choice(('owe', 'al1', 'al2', 'lost', 'open'))}"
    yield "fleet, text", lambda chance: f"{fleet}?text={room(chance)}"
    yield "fleet, by days left", lambda _chance: f"{fleet}?sort=lasts"
    yield "building view", lambda chance: f"{building}?building={chance.choice(codes)}"
    yield "counter search, room", lambda chance: f"{find}?q={room(chance)}"
    yield "counter search, initials", lambda chance: f"{find}?q={chance.choice(('mbpkf', 'chsj', 'lsz', 'yfr'))}"
    yield "counter search, phone", lambda chance: f"{find}?q=139{chance.randint(1, 60):04d}"
    yield "customer list", lambda _chance: customers
    yield "customer list, name", lambda chance: f"{customers}?text={chance.choice(('咖啡', '软件', '王', '澄湖'))}"


if __name__ == "__main__":
    main()
