"""Every page that takes a form leads to the operation log; what does not, says here why not.

What a form really changes is compared with the log in every other test of this folder (`conftest.py`). This one walks
the code of all pages, so that none is without.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import pytest

# Each of these changes no money, price, right or setting, and gives no order to a meter.
NO_CHANGE = {
    "language": "an operator's own language",
    "fleet-preview": "shows what an order would change",
    "saved-new": "an operator's own filters",
    "saved-delete": "an operator's own filters",
    "commissioning-stop": "ends a look at a bus whose beginning is logged",
    "export-cancel": "ends a file whose beginning is logged",
    "customer-batch": "takes a sheet to look at; its own page opens the accounts",
    "estate-import": "takes a workbook to look at; its own page imports it",
}


def pages() -> dict[str, Any]:
    from prewatt.web.console import urls

    def walk(patterns: list[Any]) -> Iterator[tuple[str, Any]]:
        for one in patterns:
            if hasattr(one, "url_patterns"):
                yield from walk(one.url_patterns)
            else:
                yield one.name, one.callback

    return dict(walk(urls.urlpatterns))


def takes_a_form(view: Any) -> bool:
    if hasattr(view, "methods"):
        return "POST" in view.methods
    return any("POST" in str(cell.cell_contents) for cell in view.__closure__ or ())


def names(code: types.CodeType) -> set[str]:
    inner = [one for one in code.co_consts if isinstance(one, types.CodeType)]
    return set(code.co_names).union(*(names(one) for one in inner))


def called(function: Any) -> Iterator[Any]:
    """Ours that this function may call: by its own name, or as a name of a module or class that it knows."""
    known = function.__globals__
    said = names(function.__code__)
    for one in [known[name] for name in said if name in known]:
        inside = [getattr(one, name, None) for name in said] if isinstance(one, types.ModuleType | type) else []
        inside += one.values() if isinstance(one, dict) else []
        yield from (unwrapped(each) for each in [one, *inside] if ours(each))


def ours(thing: Any) -> bool:
    return isinstance(thing, types.FunctionType | types.MethodType | type) and str(
        getattr(thing, "__module__", "")
    ).startswith("prewatt.")


def unwrapped(thing: Any) -> Any:
    while hasattr(thing, "__wrapped__"):
        thing = thing.__wrapped__
    return getattr(thing, "__func__", thing)


def leads_to_the_log(view: Any) -> bool:
    from prewatt.domain.staff.operations import log

    seen: set[Any] = set()
    ahead = [unwrapped(view)]
    while ahead:
        one = ahead.pop()
        if one is log:
            return True
        if one in seen:
            continue
        seen.add(one)
        if isinstance(one, type):
            ahead += [unwrapped(each) for each in vars(one).values() if isinstance(each, types.FunctionType)]
        else:
            ahead += called(one)
    return False


FORMS = sorted(name for name, view in pages().items() if takes_a_form(view))


def test_there_are_forms_to_walk() -> None:
    assert len(FORMS) > 100
    assert set(NO_CHANGE) <= set(FORMS)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_leads_to_the_log_or_changes_nothing(name: str) -> None:
    assert leads_to_the_log(pages()[name]) != (name in NO_CHANGE)
