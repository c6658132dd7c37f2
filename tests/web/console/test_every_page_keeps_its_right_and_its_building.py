"""Every address of the console: who may open it by the matrix of rights, and that nothing of a foreign tower shows.

A new page that this test cannot visit fails it: give `ARGUMENTS` a thing in each tower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from counter import Counter
from prewatt.domain.staff.rights import READY_ROLES, Right
from web.console.halves import FOREIGN, Half

PUBLIC = {"login", "login-code", "logout", "language", "logo"}
Args = Callable[[Half], list[Any]]


def _of(name: str, *more: str) -> Args:
    """The key of this half's thing, and what else stands in the address."""
    return lambda half: [_thing(half, name).pk, *more]


def _thing(half: Half, name: str) -> Any:
    return half.meters[0] if name == "meter" else getattr(half, name)


def _all(names: str, of: str, *more: str) -> dict[str, Args]:
    return dict.fromkeys(names.split(), _of(of, *more))


ARGUMENTS: dict[str, Args] = {
    **_all("meter card meter_orders customer-line customer-reading estate-meter sale-tenant sale-lasts", "meter"),
    **_all("refund-balance refund-read", "meter"),
    **_all("command", "meter", "switch_off"),
    **_all("commissioning-live commissioning-stop", "inquiry"),
    **_all("customer customer-live customer-edit customer-close customer-hand-over", "customer"),
    **_all(
        "account-edit account-change account-billing explain cutoff-account cutoff-grace cutoff-grace-end cutoff-told",
        "opening",
    ),
    **_all("account-terms", "billed"),
    **_all("statement statement-pdf", "statement"),
    **_all("reconciliation-account reconciliation-accept", "opening"),
    **_all("closing closing-live", "closing"),
    **_all("closing-act", "closing", "withdraw"),
    **_all("estate-gateway estate-gateway-edit estate-gateway-code estate-gateway-remove estate-bus-new", "gateway"),
    **_all("estate-defaults-building", "building"),
    **_all("estate-bus estate-bus-remove", "bus"),
    **_all("estate-import-preview", "upload"),
    **_all("fleet-batch fleet-progress fleet-stop fleet-retry", "batch"),
    **_all("account-sign-out", "sign_in"),
    **_all("operator operator-active operator-password operator-second-factor operator-sign-out", "manager"),
    **_all("log-entry", "entry"),
    **_all("sale-progress sale-show sale-reverse sale-refund sale-resend sale-pay-out sale-cancel", "sale"),
    **_all("payment-progress", "payment"),
    **_all("paper paper-pdf", "print"),
    **_all("shift shift-close", "shift"),
    **_all("estate-receipt-building", "building"),
    **_all("estate-building estate-floor-new estate-area-new", "building"),
    **_all("estate-floor", "floor"),
    **_all("estate-area", "area"),
    **_all("estate-room estate-room-remove", "room"),
    **_all("may-be-cut", "vital"),
    **_all("plan plan-send plan-version-new plan-version-document", "plan"),
    "plan-version": lambda half: [half.plan.pk, 1],
    "plan-version-withdraw": lambda half: [half.plan.pk, 1],
    **_all("preset preset-live preset-start preset-retry", "preset"),
    **_all("waiting-show waiting-pay", "waiting"),
    **_all("unclear-late", "late"),
    **_all("alarm alarm-acknowledge", "alarm"),
    **_all("webhook webhook-live webhook-renew webhook-test", "endpoint"),
    **_all("delivery delivery-replay delivery-skip", "delivery"),
    **_all("notice notice-again", "notice"),
    **_all("carrier carrier-test", "carrier"),
    "carrier-new": lambda _half: ["modem"],
    **_all("export-cancel export-file", "export"),
    **_all("saved-delete", "saved"),
    **_all("online-show online-back online-note online-send-on", "online"),
    "online-channel": lambda _half: ["alipay"],
    **_all("online-bill online-bill-sign", "provider_bill"),
    **_all("online-difference-take online-difference-explain", "bill_difference"),
    **_all("token-revoke", "token"),
    **_all("purchase-bill publicity publicity-pdf", "bill"),
    **dict.fromkeys(
        ("clear-back-account", "clear-back-note", "clear-back-pay"), lambda half: [half.run.pk, half.opening.pk]
    ),
    "unclear-decide": lambda half: [half.unclear.order_id],
    "print": lambda half: [half.sale.receipt],
    "back": lambda half: ["refund", half.refund.pk],
    "back-cancel": lambda half: ["refund", half.refund.pk],
    "fleet-preview": lambda _half: ["read"],
    "fleet-send": lambda _half: ["read"],
    "estate-remove": lambda half: ["building", half.building.pk],
    "estate-message": lambda _half: ["opened"],
    "report-day": lambda _half: ["2026-06-01"],
    "report-day-sign": lambda _half: ["2026-06-01"],
    "role-rename": lambda half: [half.manager.role_id],
    "role-remove": lambda half: [half.manager.role_id],
}
# No thing of a tower stands in these addresses.
NOBODYS = {"fleet-preview", "fleet-send", "role-rename", "role-remove", "plan", "plan-send", "estate-message"}
NOBODYS |= {"carrier-new"}
NOBODYS |= {"plan-version", "plan-version-new", "plan-version-document", "plan-version-withdraw"}
NOBODYS |= {"report-day", "report-day-sign"}  # the whole site's
ENDED = {"account-sign-out": 302}  # what is not there is as good as signed out


def pages(resolver: Any = None) -> Iterator[URLPattern]:
    """All addresses of the console."""
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLResolver):
            if resolver is not None or one.app_name == "console":
                yield from pages(one)
        elif resolver is not None:
            yield one


PAGES = {str(one.name): one for one in pages()}


def asks(name: str) -> tuple[Right, ...]:
    return getattr(PAGES[name].callback, "rights", ())


def methods(name: str) -> tuple[str, ...]:
    return getattr(PAGES[name].callback, "methods", ("GET",))


def address(name: str, half: Half) -> str:
    if not PAGES[name].pattern.converters:
        return reverse(f"console:{name}")
    return reverse(f"console:{name}", args=ARGUMENTS[name](half))


PRIVATE = sorted(set(PAGES) - PUBLIC)
VISITED = [name for name in PRIVATE if name in ARGUMENTS or not PAGES[name].pattern.converters]


@pytest.fixture
def here(counter: Counter, client: Any) -> Half:
    client.raise_request_exception = False  # an error of the server is one of the answers looked for
    return Half(counter, foreign=False)


@pytest.fixture
def there(counter: Counter, here: Half) -> Half:
    return Half(counter, foreign=True)


def test_every_page_says_which_right_it_asks_for() -> None:
    assert {name for name in PRIVATE if not hasattr(PAGES[name].callback, "rights")} == set()


def test_every_page_can_be_visited_by_this_test() -> None:
    assert {name for name in PRIVATE if PAGES[name].pattern.converters} - set(ARGUMENTS) == set()


ROLES = sorted(READY_ROLES)


def opened(client: Any, name: str, half: Half, *, method: str = "", **data: Any) -> Any:
    method = method or methods(name)[0]
    call = client.post if method == "POST" else client.get
    return call(address(name, half), data)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_what_the_matrix_says_and_nothing_else(
    client: Any, counter: Counter, here: Half, role: str
) -> None:
    who = counter.person(f"one-{role}", role, all_buildings=False)
    who.buildings.add(here.building)
    rights = READY_ROLES[role][1]
    client.force_login(who)
    wrong = []
    for name in VISITED:
        allowed = not asks(name) or bool(rights & set(asks(name)))
        for method in set(methods(name)) - {"HEAD"}:
            status = opened(client, name, here, method=method).status_code
            if (status == 403) == allowed or status >= 500:
                wrong.append(f"{method} {name}: {status}")
            client.force_login(who)  # some of what was just done signs out
    assert wrong == []


def test_who_is_not_logged_in_sees_the_log_in_and_nothing_else(client: Any, here: Half) -> None:
    for name in VISITED:
        answer = opened(client, name, here)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/login/"), name


def test_a_thing_of_another_tower_is_not_there(client: Any, here: Half, there: Half) -> None:
    from prewatt.domain.dispatch.models import MeterOrder
    from prewatt.domain.staff.models import LogEntry

    before = MeterOrder.objects.count(), LogEntry.objects.count()
    client.force_login(here.manager)
    found = [
        f"{method} {name}: {answer.status_code}"
        for name in sorted(set(ARGUMENTS) - NOBODYS)
        for method in sorted(set(methods(name)) - {"HEAD"})
        if (answer := opened(client, name, there, method=method, reason="x", form_id="f1")).status_code
        != ENDED.get(name, 404)
    ]
    assert found == []
    assert (MeterOrder.objects.count(), LogEntry.objects.count()) == before


def texts(answer: Any) -> str:
    """What stands in an answer: a page's text, or every cell of a workbook."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if "spreadsheet" in answer["Content-Type"]:
        with ZipFile(BytesIO(body)) as book:
            return "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    return str(body.decode(errors="replace"))


LOOKS: dict[str, dict[str, str]] = {"page": {}, "export": {"export": "xlsx"}, "search": {"q": "9"}, "part": {}}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("who", ["manager", "stranger"])
def test_nothing_of_the_other_tower_shows_anywhere(  # noqa: PLR0917 - fixtures
    client: Any, counter: Counter, here: Half, there: Half, look: str, who: str
) -> None:
    assert there.foreign
    client.force_login(here.manager if who == "manager" else counter.stranger)
    headers = {"HX-Request": "true"} if look == "part" else {}
    leaks = []
    for name in [name for name in VISITED if "GET" in methods(name)]:
        answer = client.get(address(name, here), LOOKS[look], headers=headers)
        if answer.status_code >= 500:
            leaks.append(f"{name}: {answer.status_code}")
        shown = texts(answer)
        leaks += [f"{name} shows {one}" for one in FOREIGN if one in shown]
    assert leaks == []
