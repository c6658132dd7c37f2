"""Keys of providers: sealed at rest, never shown, never logged; the environment goes before the page."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from counter import Counter
from prewatt.domain.payments import channels, setup
from prewatt.domain.payments.models import ChannelSetup
from prewatt.domain.staff.models import LogEntry

PEM = serialization.Encoding.PEM


@pytest.fixture(scope="module")
def keys() -> tuple[str, str]:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    private = made.private_bytes(PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    public = made.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


def _form(keys: tuple[str, str], **more: str) -> dict[str, str]:
    return {"on": "1", "app_id": "2021", "seller_id": "2088", "private_key": keys[0], "public_key": keys[1], **more}


@pytest.fixture
def admin(counter: Counter, client: Any) -> Any:
    client.force_login(counter.admin)
    client.cookies["django_language"] = "en"
    return client


def test_a_channel_that_is_set_up_works_and_its_key_is_nowhere_to_be_seen(
    admin: Any, counter: Counter, keys: tuple[str, str]
) -> None:
    assert [one.name for one in channels.offers()] == []
    assert admin.post("/settings/payments/alipay/", _form(keys)).status_code == 302
    assert [one.name for one in channels.offers()] == ["alipay"]
    secret = keys[0].splitlines()[3]
    assert secret not in admin.get("/settings/payments/alipay/").content.decode()
    assert secret not in str(list(LogEntry.objects.values_list("before", "after")))
    assert secret.encode() not in bytes(ChannelSetup.objects.get().sealed)
    assert "works" in admin.get("/settings/payments/").content.decode()


def test_an_empty_secret_keeps_the_old_one(admin: Any, keys: tuple[str, str]) -> None:
    admin.post("/settings/payments/alipay/", _form(keys))
    admin.post("/settings/payments/alipay/", _form(keys, private_key="", app_id="2022"))
    assert setup.values("alipay")["app_id"] == "2022"
    assert setup.values("alipay")["private_key"].strip() == keys[0].strip()


def test_what_is_not_whole_cannot_be_switched_on_and_no_secret_comes_back(admin: Any, keys: tuple[str, str]) -> None:
    for wrong in ({"seller_id": ""}, {"private_key": "SECRET-THAT-IS-NO-KEY"}):
        answer = admin.post("/settings/payments/alipay/", _form(keys, **wrong))
        assert answer.status_code == 422
        text = answer.content.decode()
        assert "Nothing was changed" in text
        assert 'value="2021"' in text
        assert "SECRET-THAT-IS-NO-KEY" not in text
        assert keys[0].splitlines()[3] not in text
    assert channels.offers() == ()


def test_the_environment_and_files_go_before_the_page(
    admin: Any, keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "key.pem").write_text(keys[0])
    for name, value in (("APP_ID", "9999"), ("SELLER_ID", "2088"), ("PUBLIC_KEY", keys[1])):
        monkeypatch.setenv(f"PREWATT_PAY_ALIPAY_{name}", value)
    monkeypatch.setenv("PREWATT_PAY_ALIPAY_PRIVATE_KEY_FILE", str(tmp_path / "key.pem"))
    assert [one.name for one in channels.offers()] == ["alipay"]
    admin.post("/settings/payments/alipay/", _form(keys))
    assert setup.values("alipay")["app_id"] == "9999"
    off = _form(keys)
    del off["on"]
    admin.post("/settings/payments/alipay/", off)
    assert channels.offers() == ()


def test_another_passphrase_opens_nothing(admin: Any, keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    admin.post("/settings/payments/alipay/", _form(keys))
    monkeypatch.setenv("PREWATT_MASTER_KEY", "another one")
    assert channels.offers() == ()
    assert "not whole" in admin.get("/settings/payments/").content.decode()


def test_after_a_restore_secrets_are_under_the_new_machines_passphrase(
    admin: Any, keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREWATT_MASTER_KEY", "the old machine's")
    admin.post("/settings/payments/alipay/", _form(keys))
    monkeypatch.setenv("PREWATT_MASTER_KEY", "the new machine's")
    setup.rewrap("the old machine's")
    assert setup.values("alipay")["private_key"].strip() == keys[0].strip()
    monkeypatch.setenv("PREWATT_MASTER_KEY", "a third one")
    setup.rewrap(None)
    assert ChannelSetup.objects.get().secret_names == []


def test_who_sees_only_some_buildings_or_may_not_set_anything_has_no_such_page(client: Any, counter: Counter) -> None:
    for who, status in ((counter.stranger, 404), (counter.cashier, 403)):
        client.force_login(who)
        assert client.get("/settings/payments/").status_code == status
        assert client.post("/settings/payments/alipay/", {}).status_code == status
