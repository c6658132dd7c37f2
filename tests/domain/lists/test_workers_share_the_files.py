"""Several workers at the same moment, each on a connection of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections

from counter import NOW, Counter
from prewatt.domain.lists import exports
from prewatt.domain.lists.models import Export, ExportState

WORKERS = 6


@pytest.mark.django_db(transaction=True)
def test_no_file_is_claimed_twice_and_nobody_gets_two_at_a_time(settings: Any, tmp_path: Path) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's tests live in one memory, which threads cannot share")
    settings.DATA_DIR = tmp_path
    counter = Counter(meters=0)
    people = [counter.admin, counter.second, counter.cashier]
    facts = {
        "path": "/sales/",
        "query": "",
        "language": "en",
        "title": "",
        "said": "",
        "file_name": "",
        "rows_total": 1,
    }
    for number in range(WORKERS):
        exports.ask(export_id=f"e{number}", operator=people[number % 3], now=NOW, **facts)  # type: ignore[arg-type]
    together = Barrier(WORKERS)

    def worker(_number: int) -> list[str]:
        try:
            together.wait(20)
            return [one.pk for _turn in range(WORKERS) if (one := exports.claim(now=NOW + timedelta(seconds=1)))]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        claimed = [key for found in pool.map(worker, range(WORKERS)) for key in found]
    assert len(claimed) == len(set(claimed)) == len(people)
    running = Export.objects.filter(state=ExportState.RUNNING)
    assert sorted(one.operator_id for one in running) == sorted(one.pk for one in people)
    assert {one.tries for one in running} == {1}
