"""Forged, replayed, wrongly keyed, oversized, by the wrong method or wire: refused by name, and nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from counter import Counter
from door import DjangoTransport, FieldGateway
from prewatt.domain.estate.enrolment import new_code
from prewatt.domain.metering.models import Reading as Row
from prewatt.link import seal
from prewatt.link.keys import LinkKeys
from prewatt.link.messages import OrdersRequest, Reading, Refusal
from prewatt.link.port import LinkError
from prewatt.web.fieldapi.models import GatewayKey


@pytest.fixture
def rows(tower: Counter, batch: Any, clock: Any) -> Iterator[Any]:
    """A batch with one reading; after each refusal the database must be as it was."""
    reading = Reading(meter=tower.meters[0].number, taken_at_ms=clock.ms, values={"energy_wh": 5_000})
    yield batch(readings=[reading])
    assert not Row.objects.exists()


def _refusal(gateway: FieldGateway, message: Any) -> LinkError:
    with pytest.raises(LinkError) as caught:
        gateway.send(message)
    return caught.value


def _keyed(own: FieldGateway, **changes: Any) -> FieldGateway:
    keys = LinkKeys(**{**msgspec.structs.asdict(own.keys), **changes})
    return FieldGateway(own.transport, keys)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"master": bytes(32)}, "forged"),
        ({"suite": "sm4-gcm"}, "wrong_suite"),
        ({"version": 9}, "wrong_key_version"),
        ({"gateway": "gw-2"}, "unknown_gateway"),
        ({"gateway": "nobody"}, "unknown_gateway"),
    ],
)
def test_wrong_keys(gateway: FieldGateway, rows: Any, changes: dict[str, Any], code: str) -> None:
    error = _refusal(_keyed(gateway, **changes), rows)
    assert (error.code, error.retry) == (code, False)


def test_another_gateways_keys_do_not_open_ours(tower: Counter, gateway: FieldGateway, rows: Any, clock: Any) -> None:
    other = FieldGateway.enrolled(new_code(gateway=tower.other_gateway, now=clock.now))
    assert _refusal(_keyed(gateway, master=other.keys.master), rows).code == "forged"


@pytest.mark.parametrize("byte", [10, 23, -1])
def test_a_changed_byte(gateway: FieldGateway, rows: Any, byte: int) -> None:
    envelope = bytearray(_envelope(gateway, rows))
    envelope[byte] ^= 1
    answer = gateway.transport.post("/field/v1/batch", bytes(envelope))
    assert answer.status_code in (400, 401)
    assert msgspec.msgpack.decode(answer.content, type=Refusal).code in ("forged", "malformed", "unknown_gateway")


def _envelope(gateway: FieldGateway, message: Any, *, boot: int = 1, sequence: int = 50) -> bytes:
    return seal.seal(
        message,
        keys=gateway.keys,
        direction=seal.Direction.UP,
        kind=seal.Type.BATCH,
        boot=boot,
        sequence=sequence,
    )


def test_the_same_bytes_again(gateway: FieldGateway, batch: Any) -> None:
    gateway.send(batch())
    path, envelope = gateway.transport.sent[-1]
    answer = gateway.transport.post(path, envelope)
    assert (answer.status_code, msgspec.msgpack.decode(answer.content, type=Refusal).code) == (409, "replayed")


def test_a_message_of_an_earlier_boot(gateway: FieldGateway, batch: Any) -> None:
    FieldGateway(gateway.transport, gateway.keys, boot=8).send(batch())
    assert _refusal(gateway, batch()).code == "replayed"


def test_a_refused_message_does_not_move_the_window(gateway: FieldGateway, batch: Any) -> None:
    _refusal(FieldGateway(gateway.transport, _keyed(gateway, master=bytes(32)).keys, boot=99), batch())
    assert gateway.send(batch()).acked_seq == 1
    assert GatewayKey.objects.get().boot == 1


def test_a_message_for_another_door(gateway: FieldGateway, rows: Any) -> None:
    answer = gateway.transport.post("/field/v1/orders", _envelope(gateway, rows))
    assert (answer.status_code, msgspec.msgpack.decode(answer.content, type=Refusal).code) == (401, "wrong_type")


def test_a_replaced_key_is_accepted_for_a_little_while(
    tower: Counter, gateway: FieldGateway, batch: Any, clock: Any
) -> None:
    newer = FieldGateway.enrolled(new_code(gateway=tower.gateway, now=clock.now))
    assert newer.keys.version == 2
    assert gateway.send(batch()).acked_seq == 1
    assert newer.send(batch()).acked_seq == 1
    clock.pass_(minutes=10)
    assert _refusal(gateway, batch()).code == "wrong_key_version"
    assert newer.send(batch(sent_at_ms=clock.ms)).acked_seq == 1


def test_a_clock_that_is_days_off(gateway: FieldGateway, batch: Any, clock: Any) -> None:
    assert gateway.send(batch(sent_at_ms=clock.ms + 20 * 3_600_000)).acked_seq == 1
    error = _refusal(gateway, batch(sent_at_ms=clock.ms - 25 * 3_600_000))
    assert (error.code, error.retry) == ("clock_skew", True)


@pytest.mark.parametrize("door", ["batch", "orders", "config", "enrol"])
def test_only_by_post(db: None, client: Any, door: str) -> None:
    for method in (client.get, client.put, client.delete):
        assert method(f"/field/v1/{door}").status_code == 405


@pytest.mark.parametrize("door", ["batch", "orders", "config", "enrol"])
@pytest.mark.parametrize("body", [b"", b"PW", b"{}", b"\x00" * 500, b"PW\x01\x01\x01\x01" + b"\xff" * 90])
def test_bytes_that_are_no_message(db: None, door: str, body: bytes) -> None:
    answer = DjangoTransport().post(f"/field/v1/{door}", body)
    assert answer.status_code == 400
    assert msgspec.msgpack.decode(answer.content, type=Refusal).code == "malformed"


@pytest.mark.parametrize(("door", "limit"), [("batch", seal.ENVELOPE_BYTES_MAX), ("enrol", 4096)])
def test_more_than_a_message_may_be(db: None, door: str, limit: int) -> None:
    answer = DjangoTransport().post(f"/field/v1/{door}", b"x" * (limit + 1))
    assert answer.status_code == 413
    assert msgspec.msgpack.decode(answer.content, type=Refusal).code == "too_large"


def test_plain_http_from_another_machine(gateway: FieldGateway, rows: Any) -> None:
    distant = FieldGateway(DjangoTransport(remote="10.0.0.9"), gateway.keys)
    assert _refusal(distant, rows).code == "plain_http"


def test_a_key_that_the_centre_cannot_open(gateway: FieldGateway, rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREWATT_MASTER_KEY", "another passphrase")
    error = _refusal(gateway, rows)
    assert (error.code, error.retry) == ("centre_key", True)


def test_refusals_carry_no_secret(gateway: FieldGateway, rows: Any) -> None:
    error = _refusal(_keyed(gateway, master=bytes(32)), rows)
    assert gateway.keys.master.hex() not in str(error)


def test_orders_refuse_a_replay_too(gateway: FieldGateway, clock: Any) -> None:
    gateway.orders(OrdersRequest(sent_at_ms=clock.ms, wait_s=0, config_version=gateway.config.version))
    path, envelope = gateway.transport.sent[-1]
    assert gateway.transport.post(path, envelope).status_code == 409
