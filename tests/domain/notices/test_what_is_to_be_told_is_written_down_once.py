"""The outbox: one message for one key, in the site's words, in its own time, and no secret where a list shows it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from counter import Counter
from prewatt.domain.estate import messages
from prewatt.domain.notices import operations, sealing
from prewatt.domain.notices.models import Message, Rules, State, Why
from prewatt.domain.notices.quiet import loud_from

pytestmark = pytest.mark.django_db
PHONE = "13800138000"


def say(counter: Counter, **changes: Any) -> Message | None:
    asked: dict[str, Any] = {
        "kind": "low1",
        "phone": PHONE,
        "fields": {"balance": "9.85", "alarm": "10.00"},
        "key": "notice:1",
        "language": "zh",
        "now": counter.now,
        "customer": counter.customer,
        "meter": counter.meters[0],
    }
    return operations.say(**asked | changes)


def test_the_same_key_again_is_the_first_message(counter: Counter) -> None:
    counter.opened()
    first = say(counter)
    assert first is not None
    assert first.text == "【prewatt】101 电费余额 9.85 元，已低于 10.00 元，请及时购电。"
    assert say(counter, fields={"balance": "1.00", "alarm": "2.00"}) == first
    assert Message.objects.count() == 1
    assert (first.state, first.customer, first.building) == (State.WAITING, counter.customer, counter.building)


def test_it_is_told_if_and_only_if_it_happened(counter: Counter) -> None:
    with transaction.atomic():
        say(counter)
        transaction.set_rollback(True)
    assert not Message.objects.exists()


def test_the_sites_own_words_go_before_the_shipped(counter: Counter) -> None:
    texts = {"zh": "{room} 余额 {balance}", "en": ""}
    messages.set_wordings(key="low1", texts=texts, operator=counter.admin, now=counter.now)
    found = say(counter)
    assert found is not None
    assert found.text == "101 余额 9.85"
    later = say(counter, key="2", language="en")
    assert later is not None
    assert later.text.startswith("prewatt: room 101 has 9.85 yuan")


@pytest.mark.parametrize(
    ("switch", "kinds"),
    [
        ("alarm1_notify", ["low2", "arrears", "sold"]),
        ("alarm2_notify", ["low1", "arrears", "sold"]),
        ("texts", ["sold"]),
    ],
)
def test_the_switches_of_the_account_are_kept(counter: Counter, switch: str, kinds: list[str]) -> None:
    opening = counter.opened()
    setattr(opening, switch, False)
    opening.save()
    said = [kind for kind in ("low1", "low2", "arrears", "sold") if say(counter, kind=kind, key=kind)]
    assert said == kinds


def test_a_kind_that_the_site_does_not_send_is_not_written(counter: Counter) -> None:
    Rules.objects.create(muted=["sold"])
    assert say(counter, kind="sold") is None
    assert say(counter) is not None


@pytest.mark.parametrize(("phone", "why"), [("", Why.NO_PHONE), ("ask at the door", Why.BAD_NUMBER)])
def test_whom_nothing_reaches_is_seen(counter: Counter, phone: str, why: Why) -> None:
    found = say(counter, phone=phone)
    assert found is not None
    assert (found.state, found.why) == (State.FAILED, why)
    spaced = say(counter, phone="+86 138-0013-8000", key="2")
    assert spaced is not None
    assert (spaced.state, spaced.to) == (State.WAITING, "+8613800138000")


def test_the_same_words_to_the_same_number_do_not_go_twice(counter: Counter) -> None:
    say(counter)
    again = say(counter, key="another", now=counter.later(minutes=9))
    assert again is not None
    assert (again.state, again.why) == (State.FAILED, Why.REPEATED)
    later = say(counter, key="later", now=counter.later(minutes=11))
    assert later is not None
    assert later.state == State.WAITING


def test_a_code_stands_nowhere_in_the_open(counter: Counter) -> None:
    found = say(counter, kind="code", fields={"code": "482913", "minutes": "5"}, urgent=True)
    assert found is not None
    row = Message.objects.filter(pk=found.pk).values().get()
    assert not [name for name, value in row.items() if "482913" in str(value) or b"482913" in bytes(str(value), "utf8")]
    assert "••••••" in found.text
    assert "482913" in sealing.opened(found.sealed)["text"]
    assert found.expires_at - found.made_at == timedelta(minutes=5)
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.update(state=State.SENT)


def test_nobody_is_woken_but_for_a_code(counter: Counter) -> None:
    night = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)  # eleven in the evening in Shanghai
    warning, code = say(counter, now=night), say(counter, kind="code", key="c", urgent=True, now=night)
    assert warning is not None
    assert code is not None
    assert warning.not_before == datetime(2026, 6, 2, 0, 0, tzinfo=UTC)
    assert warning.expires_at == warning.not_before + timedelta(hours=24)
    assert code.not_before == night


@pytest.mark.parametrize(
    ("begins", "ends", "hour", "loud"),
    [
        (time(21), time(8), 20, 20),
        (time(21), time(8), 21, 32),
        (time(21), time(8), 3, 8),
        (time(21), time(8), 8, 8),
        (time(12), time(14), 13, 14),
        (time(12), time(14), 14, 14),
        (time(0), time(0), 3, 3),
    ],
)
def test_quiet_hours_may_run_over_midnight(begins: time, ends: time, hour: int, loud: int) -> None:
    midnight = datetime(2026, 5, 31, 16, 0, tzinfo=UTC)
    found = loud_from(midnight + timedelta(hours=hour), Rules(quiet_from=begins, quiet_until=ends))
    assert found == midnight + timedelta(hours=loud)


def test_who_has_paid_is_not_told_to_pay(counter: Counter) -> None:
    waiting, begun = say(counter), say(counter, key="notice:2", phone="13800138001")
    assert waiting is not None
    assert begun is not None
    Message.objects.filter(pk=begun.pk).update(state=State.SENDING)
    assert operations.withdraw(keys=["notice:1", "notice:2"], now=counter.now) == 1
    waiting.refresh_from_db()
    assert (waiting.state, waiting.why) == (State.EXPIRED, Why.NOT_TRUE_ANY_MORE)


def test_a_secret_may_stand_in_the_environment_or_in_a_file_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "aliyun").write_text("from a file\n")
    (tmp_path / "beside").write_text("no")
    monkeypatch.setenv("PREWATT_NOTICES_KEY", "from outside")
    assert sealing.looked_up("env:PREWATT_NOTICES_KEY") == "from outside"
    assert sealing.looked_up("file:aliyun") == "from a file"
    for plain in ("s3cret", "env:HOME", "file:../beside", "file:/etc/passwd"):
        assert sealing.looked_up(plain) == plain
    for empty in ("file:none", "env:PREWATT_NOTICES_NONE"):
        with pytest.raises(sealing.CannotOpen):
            sealing.looked_up(empty)


def test_sealed_under_another_key_it_does_not_open(settings: Any) -> None:
    sealed = sealing.seal({"secret": "x"})
    assert sealing.opened(sealed) == {"secret": "x"}
    settings.SECRET_KEY = "another"
    with pytest.raises(sealing.CannotOpen):
        sealing.opened(sealed)
