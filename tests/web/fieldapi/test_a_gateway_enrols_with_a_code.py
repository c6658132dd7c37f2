"""A one-time code gives a gateway its keys and its own part of the estate; any other code gives nothing."""

from __future__ import annotations

from typing import Any

import pytest

from counter import Counter
from door import DjangoTransport, FieldGateway
from prewatt.domain.estate.enrolment import new_code
from prewatt.domain.estate.models import EnrolmentCode
from prewatt.link.messages import EnrolRequest
from prewatt.link.port import LinkError
from prewatt.web.fieldapi import enrolment
from prewatt.web.fieldapi.models import GatewayKey


def _refused(code: str, transport: DjangoTransport | None = None) -> str:
    with pytest.raises(LinkError) as caught:
        FieldGateway.enrolled(code, transport)
    return caught.value.code


def test_it_gets_its_own_buses_and_meters(tower: Counter, gateway: FieldGateway) -> None:
    assert gateway.keys.gateway == "gw-1"
    assert gateway.keys.version == 1
    assert [bus.bus for bus in gateway.config.buses] == ["bus-1"]
    assert [meter.meter for meter in gateway.config.meters] == [meter.number for meter in tower.meters]


def test_another_gateway_gets_none_of_them(tower: Counter, clock: Any) -> None:
    other = FieldGateway.enrolled(new_code(gateway=tower.other_gateway, now=clock.now))
    assert (other.config.buses, other.config.meters) == ([], [])


def test_a_code_may_be_typed_as_people_type(tower: Counter, clock: Any) -> None:
    code = new_code(gateway=tower.gateway, now=clock.now)
    assert FieldGateway.enrolled(f"  {code.lower().replace('-', ' ')} ").keys.gateway == "gw-1"


def test_a_wrong_code_is_refused(tower: Counter, clock: Any) -> None:
    new_code(gateway=tower.gateway, now=clock.now)
    assert _refused("AAAAA-AAAAA-AAAAA-AAAAA") == "wrong_code"
    assert not GatewayKey.objects.exists()


def test_a_code_works_once(tower: Counter, clock: Any) -> None:
    code = new_code(gateway=tower.gateway, now=clock.now)
    FieldGateway.enrolled(code)
    assert _refused(code) == "wrong_code"
    assert GatewayKey.objects.count() == 1


def test_a_code_gets_old(tower: Counter, clock: Any) -> None:
    code = new_code(gateway=tower.gateway, now=clock.now)
    clock.pass_(hours=24)
    assert _refused(code) == "wrong_code"


def test_a_newer_code_ends_the_older_one(tower: Counter, clock: Any) -> None:
    older = new_code(gateway=tower.gateway, now=clock.now)
    new_code(gateway=tower.gateway, now=clock.now)
    assert _refused(older) == "wrong_code"


def test_codes_are_not_kept_readable(tower: Counter, clock: Any) -> None:
    code = new_code(gateway=tower.gateway, now=clock.now)
    digest = EnrolmentCode.objects.get().digest
    assert code not in digest
    assert code.replace("-", "") not in digest


def test_guessing_is_slowed_down_by_address(tower: Counter, clock: Any) -> None:
    code = new_code(gateway=tower.gateway, now=clock.now)
    for _ in range(enrolment.FAILURES_MAX):
        assert _refused("AAAAA") == "wrong_code"
    assert _refused(code) == "throttled"
    clock.pass_(minutes=11)
    assert FieldGateway.enrolled(code).keys.gateway == "gw-1"


def test_the_code_does_not_travel_in_the_clear(tower: Counter, clock: Any) -> None:
    code = new_code(gateway=tower.gateway, now=clock.now)
    assert _refused(code, DjangoTransport(remote="192.168.1.9")) == "plain_http"


def test_a_weak_public_key_gives_no_keys_and_leaves_the_code(tower: Counter, clock: Any) -> None:
    code = new_code(gateway=tower.gateway, now=clock.now)
    request = EnrolRequest(code=code, public_key=bytes(32))
    with pytest.raises(Exception, match="X25519") as caught:
        enrolment.enrol(request, address="127.0.0.1", now=clock.now)
    assert caught.value.refusal.code == "malformed"  # type: ignore[attr-defined]
    assert FieldGateway.enrolled(code).keys.gateway == "gw-1"


def test_triple_des_needs_the_sites_own_word(tower: Counter, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tower.gateway.suite = "3des-cbc"
    tower.gateway.save()
    code = new_code(gateway=tower.gateway, now=clock.now)
    assert _refused(code) == "suite_off"
    monkeypatch.setenv("PREWATT_ALLOW_3DES", "1")
    assert FieldGateway.enrolled(code).keys.suite == "3des-cbc"


def test_the_masters_are_wrapped_in_the_database(gateway: FieldGateway) -> None:
    assert gateway.keys.master not in bytes(GatewayKey.objects.get().wrapped)
