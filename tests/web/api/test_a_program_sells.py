"""A sale through the API: the domain's own sale, once, whatever is sent again."""

from __future__ import annotations

from typing import Any

import pytest

from web.api.door import Program


@pytest.fixture
def till(counter: Any) -> Program:
    counter.opened()
    return Program(counter.cashier)


def asked(counter: Any, fen: int = 10_000) -> dict[str, Any]:
    return {"meter_id": counter.meters[0].pk, "amount_fen": fen, "tender": "cash"}


def sales() -> int:
    from prewatt.domain.vending.models import Sale

    return Sale.objects.count()


def test_the_answer_is_the_sale(counter: Any, till: Program) -> None:
    answer = till.send("/sales", asked(counter))
    assert answer.status_code == 200, answer.content
    sale = answer.json()
    assert (sale["amount_fen"], sale["state"], sale["seller"]) == (10_000, "paid", "cashier")
    assert till.get(f"/sales/{sale['id']}").json() == sale
    assert [one["id"] for one in till.get("/sales").json()["items"]] == [sale["id"]]
    assert counter.drawer_fen() == 10_000


def test_the_same_key_is_the_same_sale_and_the_same_answer(counter: Any, till: Program) -> None:
    first, again = (till.send("/sales", asked(counter), key="the-same-key") for _ in range(2))
    assert (first.content, sales()) == (again.content, 1)
    assert again.headers["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first.headers


def test_the_order_of_the_fields_is_no_other_request(counter: Any, till: Program) -> None:
    till.send("/sales", asked(counter), key="the-same-key")
    turned = dict(reversed(asked(counter).items()))
    assert till.send("/sales", turned, key="the-same-key").status_code == 200
    assert sales() == 1


def test_the_same_key_for_another_request_is_refused(counter: Any, till: Program) -> None:
    till.send("/sales", asked(counter), key="the-same-key")
    other = till.send("/sales", asked(counter, 20_000), key="the-same-key")
    assert (other.status_code, other.json()["code"], sales()) == (409, "key_used", 1)


def test_a_key_belongs_to_its_token(counter: Any, till: Program) -> None:
    till.send("/sales", asked(counter), key="the-same-key")
    other = Program(counter.admin).send("/sales", asked(counter, 20_000), key="the-same-key")
    assert (other.status_code, sales()) == (200, 2)


def test_when_the_keys_are_lost_the_domain_still_finds_the_first_sale(counter: Any, till: Program) -> None:
    from prewatt.web.api.models import Answer

    first = till.send("/sales", asked(counter), key="the-same-key")
    Answer.objects.all().delete()
    again = till.send("/sales", asked(counter), key="the-same-key")
    assert (again.json(), sales()) == (first.json(), 1)
    Answer.objects.all().delete()
    other = till.send("/sales", asked(counter, 20_000), key="the-same-key")
    assert (other.status_code, other.json()["code"], sales()) == (409, "sale_id_taken", 1)


def test_a_crash_before_the_commit_leaves_neither_sale_nor_key(
    counter: Any, till: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prewatt.web.api.models import Answer

    def falls(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("the power goes")

    with monkeypatch.context() as broken:
        broken.setattr(Answer, "save", falls)
        assert till.send("/sales", asked(counter), key="the-same-key").status_code == 500
    assert (sales(), Answer.objects.count(), counter.drawer_fen()) == (0, 0, 0)
    assert till.send("/sales", asked(counter), key="the-same-key").status_code == 200
    assert sales() == 1


def test_a_refusal_leaves_its_key_free(counter: Any, till: Program) -> None:
    refused = till.send("/sales", asked(counter, 200_000), key="the-same-key")  # its ceiling is 1,000 yuan
    assert (refused.status_code, refused.json()["code"], sales()) == (409, "above_ceiling", 0)
    assert till.send("/sales", asked(counter, 20_000), key="the-same-key").status_code == 200


@pytest.mark.parametrize("key", [None, "short", "k" * 65, "with a space"])
def test_a_write_without_a_fit_key_is_refused(counter: Any, till: Program, key: str | None) -> None:
    answer = till.send("/sales", asked(counter), key=key)
    assert (answer.status_code, answer.json()["code"], sales()) == (400, "key_needed", 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [("amount_fen", 100.0), ("amount_fen", "100"), ("amount_fen", 0), ("amount_fen", -1), ("amount_fen", None)],
)
def test_an_amount_is_whole_fen_and_nothing_else(counter: Any, till: Program, field: str, value: Any) -> None:
    answer = till.send("/sales", asked(counter) | {field: value})
    assert (answer.status_code, sales()) == (422, 0)
    assert any(name.endswith(field) for name in answer.json()["fields"])


def test_a_field_that_nobody_knows_is_refused(counter: Any, till: Program) -> None:
    answer = till.send("/sales", asked(counter) | {"ammount_fen": 1})
    assert (answer.status_code, sales()) == (422, 0)


def test_a_refusal_speaks_the_language_that_was_asked_for(counter: Any, till: Program) -> None:
    english = till.send("/sales", asked(counter, 200_000)).json()["message"]
    till.language = "zh-CN,zh;q=0.9"
    chinese = till.send("/sales", asked(counter, 200_000)).json()["message"]
    assert "ceiling" in english
    assert "囤积" in chinese


def test_old_keys_are_cleared_away(counter: Any, till: Program) -> None:
    from datetime import timedelta

    from prewatt.web.api.models import Answer

    till.send("/sales", asked(counter), key="an-old-key")
    Answer.objects.update(at=counter.now - timedelta(days=400))
    till.send("/sales", asked(counter, 100), key="a-new-key")
    assert list(Answer.objects.values_list("key", flat=True)) == ["a-new-key"]
