"""Files of lists that are too long to wait for: a worker asks the list's own page again and writes what it shows.

A page is found by its address, as a browser finds it: its rights, its buildings and its filters are the ones of whoever
asked, at the moment of writing, and a new list needs nothing to be exported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from django.contrib.sessions.backends.base import SessionBase
from django.db import connections
from django.http import FileResponse, Http404, HttpRequest, QueryDict
from django.urls import Resolver404, resolve
from django.utils import translation
from django.utils.translation import gettext as _

from prewatt.domain.lists import exports
from prewatt.domain.lists.models import Export
from prewatt.domain.lists.refusals import Refused, ScopeChanged
from prewatt.domain.staff.models import Operator
from prewatt.web.parts.pages import now
from prewatt.web.parts.registers import WANTED, file_name
from prewatt.web.parts.sheets import ROWS_MAX, TYPE, TooManyRows, at_one_moment, filters_text, write
from prewatt.web.parts.tables import Table

BEAT_S = 1.0

log = structlog.get_logger()


class NotAList(Refused):
    code = "not_a_list"

    def __init__(self) -> None:
        super().__init__(_("There is no such list for you. Nothing was done. Open the list again from the side bar."))


class Stopped(Exception):
    """The file is not this worker's any more: somebody cancelled it, or another worker has taken it over."""


def list_of(*, path: str, query: str, operator: Operator) -> Table:
    """The table that this page shows this operator. Raises NotAList: no such page, not a list, or not for him."""
    request = HttpRequest()
    request.method, request.path, request.path_info = "GET", path, path
    request.GET = QueryDict(query.removeprefix("?"))
    request.user, request.session = operator, SessionBase()  # nothing is remembered of it
    found: list[Table] = []
    setattr(request, WANTED, found)
    try:
        view, args, kwargs = resolve(path)
        if operator.is_active and hasattr(view, "rights"):
            view(request, *args, **kwargs)
    except (Resolver404, Http404):
        pass
    if not found:
        raise NotAList
    return found[0]


def ask(table: Table, *, export_id: str, path: str, operator: Operator, now: datetime, address: str) -> Export:
    """Have the file of this table, which is the one of `path`, written. Raises TooManyRows."""
    if (count := table.page.paginator.count) > ROWS_MAX:
        raise TooManyRows(count)
    return exports.ask(
        export_id=export_id,
        operator=operator,
        path=path,
        query=table.export_query,
        language=translation.get_language() or "",
        title=str(table.register.title),
        said=filters_text(table),
        file_name=file_name(table),
        rows_total=count,
        now=now,
        address=address,
    )


def sent(one: Export, *, operator: Operator) -> FileResponse:
    """The file, if he may still see the list it is of. Raises ScopeChanged."""
    try:
        list_of(path=one.path, query=one.query, operator=operator)
    except NotAList as error:
        raise ScopeChanged from error
    path = exports.file_of(export=one, operator=operator)
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"{one.file_name}.xlsx", content_type=TYPE)


def work(at: datetime) -> int:
    """Write the next file that waits. Returns how many were dealt with: one or none."""
    one = exports.claim(now=at)
    if one is None:
        return 0
    with translation.override(one.language):
        _deal_with(one)
    return 1


def _deal_with(one: Export) -> None:
    with beating(one) as tell:
        try:
            rows = _written(one, tell)
        except Stopped:
            exports.drop(one)
            return
        except (Refused, TooManyRows) as error:
            exports.fail(one, error=str(error), now=now())
            return
        except Exception as error:
            exports.fail(one, error=_("The program failed: %(error)s") % {"error": type(error).__name__}, now=now())
            raise
    exports.finish(one, rows_done=rows, now=now())


def _written(one: Export, tell: Callable[[int, int], None]) -> int:
    table = list_of(path=one.path, query=one.query, operator=one.operator)
    with exports.open_draft(one) as file, at_one_moment():
        total = table.page.paginator.count
        tell(0, total)
        write(file, table, now=now(), progress=lambda done: tell(done, total))
        tell(total, total)
    return total


@contextmanager
def beating(one: Export, every_s: float = BEAT_S) -> Iterator[Callable[[int, int], None]]:
    """Renew the lease beside the work, on a connection of its own: a first row may take long.

    Gives what the work says how far it is with; that raises Stopped when the file is not its own any more.
    """
    state = _Beat(one)
    ended = threading.Event()
    thread = threading.Thread(target=state.until, args=(ended, every_s), daemon=True)
    thread.start()
    try:
        yield state.tell
    finally:
        ended.set()
        thread.join()


class _Beat:
    def __init__(self, one: Export) -> None:
        self.one, self.done, self.total, self.lost = one, 0, one.rows_total, False

    def tell(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        if self.lost:
            raise Stopped

    def until(self, ended: threading.Event, every_s: float) -> None:
        while not ended.wait(every_s) and not self.lost:
            try:
                self.lost = not exports.advance(self.one, rows_done=self.done, rows_total=self.total, now=now())
            except Exception as error:  # the database does not answer just now; the lease bears some of that
                log.warning("export_beat_failed", export=self.one.pk, error=f"{type(error).__name__}: {error}")
        connections.close_all()
