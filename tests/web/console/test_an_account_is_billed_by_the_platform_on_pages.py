"""平台计费 on pages: chosen on the opening form, seen on the tenant's page, its terms changed and logged."""

from __future__ import annotations

from typing import Any

import pytest

from counter import NOW, Counter

pytestmark = pytest.mark.django_db
FORM = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def plan(counter: Counter) -> Any:
    from prewatt.domain.tariff.versions import add_version

    (meter,) = counter.meters
    meter.allow = ["manual", "observed", "unverified", "simulated"]
    meter.save()
    counter.read(meter)
    ladder = {"price": "1", "ladder": {"steps": [{"up_to_kwh": "10", "add": "0"}, {"add": "0.3"}]}}
    document = {"format": "prewatt-tariff-1", "name": "P", "versions": [ladder]}
    facts = {"key": "k", "plan": None, "name": "阶梯", "effective_from": None, "operator": counter.admin}
    return add_version(document=document, now=counter.now, day=NOW.date(), **facts).plan


def post(counter: Counter, client: Any, plan_: Any, **changes: str) -> Any:
    at = f"m{counter.meters[0].pk}-"
    said = {"first": "100", "billing": "platform", "overdraft": "1,020.5", "switch_on_min": "", "alarm1_fen": "60"}
    said |= {"plan": str(plan_.pk)} | changes
    given = {"form_id": FORM, "customer": counter.customer.pk, "tender": "cash", "meter": [counter.meters[0].pk]}
    client.force_login(counter.cashier)
    return client.post("/customers/open/", given | {at + name: text for name, text in said.items()})


def held() -> Any:
    from prewatt.domain.billing.models import Terms

    return Terms.objects.get()


def test_the_form_opens_it_and_the_tenants_page_says_so(counter: Counter, client: Any, plan: Any) -> None:
    answer = post(counter, client, plan)
    assert (answer.status_code, held().billing, held().overdraft_fen) == (302, "platform", 102_050)
    client.force_login(counter.admin)
    page = client.get(answer.url).content.decode()
    assert f"/customers/account/{held().pk}/terms/" in page
    assert "1,020.50" in page
    assert "100.00" in page
    again = post(counter, client, plan)
    assert (again.status_code, again.url) == (302, answer.url)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"plan": ""}, "plan"),
        ({"overdraft": "abc"}, "overdraft"),
        ({"switch_on_min": "1.234"}, "switch_on_min"),
        ({"billing": "nobody"}, "billing"),
    ],
)
def test_what_is_wrong_is_marked_and_nothing_typed_is_lost(
    counter: Counter, client: Any, plan: Any, changes: dict[str, str], wrong: str
) -> None:
    from prewatt.domain.estate.models import Opening

    answer = post(counter, client, plan, **changes)
    (line,) = answer.context["form"].lines
    assert (answer.status_code, line.wrong, line.texts["first"]) == (422, wrong, "100")
    assert not Opening.objects.exists()


def test_who_bills_is_changed_from_its_own_page(counter: Counter, client: Any, plan: Any) -> None:
    """What is refused comes back as it was typed; what is asked goes on on the act's page."""
    from prewatt.domain.tariff.operations import assign
    from prewatt.domain.vending.records import Closing

    meter = counter.meters[0]
    opening = counter.opened(meter, balance_fen=0)
    address = f"/customers/account/{opening.pk}/billing/"
    given = {"form_id": FORM, "billing": "platform", "overdraft": "20", "switch_on_min": "5"}
    client.force_login(counter.cashier)
    assert client.get(address).status_code == 200
    refused = client.post(address, given)
    assert (refused.status_code, 'value="20"' in refused.content.decode()) == (422, True)
    assign(plan=plan, meter_ids=[meter.pk], operator=counter.admin, now=counter.now)
    counter.later(minutes=1)
    asked = client.post(address, given)
    assert asked.status_code == 302, asked.context["refused"]
    assert (asked.status_code, client.post(address, given).url) == (302, asked.url)
    act = Closing.objects.get()
    assert (act.kind, act.rebilling.billing, act.rebilling.overdraft_fen) == ("rebill", "platform", 2_000)
    assert client.get(asked.url).status_code == 200
    assert client.get("/closings/").status_code == 200
    client.force_login(counter.stranger)
    assert client.get(address).status_code == 404
    client.force_login(counter.reader)
    assert client.get(address).status_code == 403


def test_its_terms_are_changed_and_logged(counter: Counter, client: Any, plan: Any) -> None:
    from prewatt.domain.staff.models import LogEntry

    post(counter, client, plan)
    address = f"/customers/account/{held().pk}/terms/"
    assert client.get(address).status_code == 403  # the cashier's is to open, not to give credit later
    client.force_login(counter.admin)
    drawn = client.get(address).context["drawn"]
    said = {"overdraft": "30", "switch_on_min": "10", "drawn": drawn}
    assert client.post(address, said).status_code == 302
    assert (held().overdraft_fen, held().switch_on_min_fen) == (3_000, 1_000)
    entry = LogEntry.objects.get(action="account.terms")
    assert (entry.before["overdraft_fen"], entry.after["overdraft_fen"]) == (102_050, 3_000)
    other = client.post(address, said | {"overdraft": "40"})  # drawn before somebody else's change
    assert (other.status_code, held().overdraft_fen) == (422, 3_000)
    assert client.post(address, {"overdraft": "-1", "switch_on_min": ""}).status_code == 422
    client.force_login(counter.stranger)
    assert client.get(address).status_code == 404


def test_an_account_that_its_meter_bills_has_no_such_terms(counter: Counter, client: Any) -> None:
    opening = counter.opened()
    client.force_login(counter.admin)
    assert client.get(f"/customers/account/{opening.pk}/terms/").status_code == 404
