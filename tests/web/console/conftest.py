"""Whatever a test here does through a page, the operation log has to tell of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

WRITE = re.compile(r'\s*(INSERT(?: OR IGNORE)? INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
LOG = "staff_logentry"
REFUSED = 400  # from here on nothing was changed
# What changes no money, price, right or setting and gives no order to a meter.
OF_NO_CONCERN = frozenset(
    {
        "axes_accesslog",
        "django_session",
        "staff_signin",  # that this browser was seen; ending one is logged
        "commissioning_inquiry",  # that a look at a bus may stop; asking for it is logged
        "estate_upload",  # a workbook to look at; importing it is logged
        "vending_preset",  # a sheet to look at; opening its accounts is logged
        "vending_presetrow",
    }
)
HELD = frozenset({"control_switchrules"})  # a row of defaults, made so that it can be held: no change yet
OWN = frozenset({"/language/"})  # an operator's own language


class Watch:
    """Of each form that was taken: which tables it changed, and whether the log was among them."""

    def __init__(self) -> None:
        self.silent: list[str] = []
        self._changed: set[str] = set()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        found = WRITE.match(sql)
        new = found is not None and found[1][0] in "Ii"
        # SQLite counts an INSERT only later
        if found and not (new and found[2] in HELD) and (new or context["cursor"].rowcount != 0):
            self._changed.add(found[2])
        return done

    def judge(self, path: str, status: int) -> None:
        changed = self._changed - OF_NO_CONCERN
        if changed and LOG not in changed and status < REFUSED and path not in OWN:
            self.silent.append(f"{path} changed {', '.join(sorted(changed))} and the log says nothing")
        self._changed.clear()


@pytest.fixture(autouse=True)
def _every_change_is_in_the_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from django.db import connection
    from django.test.client import ClientHandler

    watch, answer = Watch(), ClientHandler.get_response

    def watched(self: Any, request: Any) -> Any:
        if request.method != "POST":
            return answer(self, request)
        with connection.execute_wrapper(watch):
            response = answer(self, request)
        watch.judge(request.path, response.status_code)
        return response

    monkeypatch.setattr(ClientHandler, "get_response", watched)
    yield
    assert watch.silent == []
