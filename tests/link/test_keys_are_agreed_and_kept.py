"""Keys: both ends get the same, nobody else does; at rest they are wrapped and readable by their owner only."""

from __future__ import annotations

import itertools
import stat
from pathlib import Path

import pytest

from prewatt.link import keys
from prewatt.link.keys import Direction, KeyUnusable, LinkKeys, Suite

KEYS = LinkKeys(gateway="gw-1", suite=Suite.AES_256_GCM, version=3, master=bytes(range(32)))


def test_both_ends_agree_on_the_same_secret() -> None:
    ours, our_public = keys.new_exchange()
    theirs, their_public = keys.new_exchange()
    here = keys.agree(private=ours, own_public=our_public, other_public=their_public, code="CODE")
    there = keys.agree(private=theirs, own_public=their_public, other_public=our_public, code="CODE")
    assert here == there
    assert len(here) == 32
    assert keys.agree(private=ours, own_public=our_public, other_public=their_public, code="OTHER") != here


def test_a_weak_public_half_is_refused() -> None:
    private, public = keys.new_exchange()
    for weak in (bytes(32), b"short"):
        with pytest.raises(ValueError, match=r"."):
            keys.agree(private=private, own_public=public, other_public=weak, code="CODE")


def test_every_gateway_direction_version_and_suite_has_a_key_of_its_own() -> None:
    made = set()
    for gateway, version, suite, direction in itertools.product(("gw-1", "gw-2"), (1, 2), Suite, Direction):
        item = LinkKeys(gateway=gateway, suite=suite, version=version, master=KEYS.master)
        made.add(keys.derive(item, direction, 32))
    assert len(made) == 2 * 2 * 3 * 2


@pytest.mark.parametrize("passphrase", [None, "a long passphrase"])
def test_a_key_file_comes_back_and_is_the_owners_alone(tmp_path: Path, passphrase: str | None) -> None:
    path = tmp_path / "link.key"
    keys.save(path, KEYS, passphrase)
    keys.save(path, KEYS, passphrase)  # again, as after a new enrolment
    assert keys.load(path, passphrase) == KEYS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_wrapped_key_file_needs_its_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "link.key"
    keys.save(path, KEYS, "right")
    for wrong in (None, "wrong"):
        with pytest.raises(KeyUnusable, match="PREWATT_MASTER_KEY"):
            keys.load(path, wrong)
    import base64

    assert base64.b64encode(KEYS.master).decode() not in path.read_text()


def test_a_missing_or_spoilt_key_file_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "link.key"
    with pytest.raises(KeyUnusable, match="prewatt gateway enrol"):
        keys.load(path)
    path.write_text("{}")
    with pytest.raises(KeyUnusable, match="Enrol this gateway again"):
        keys.load(path)


def test_a_wrapped_secret_belongs_to_its_context() -> None:
    wrapped = keys.wrap(b"secret", "pass", context="gateway A")
    assert keys.unwrap(wrapped, "pass", context="gateway A") == b"secret"
    for passphrase, context in (("other", "gateway A"), ("pass", "gateway B")):
        with pytest.raises(KeyUnusable):
            keys.unwrap(wrapped, passphrase, context=context)


def test_keys_do_not_print_themselves() -> None:
    assert "master" not in repr(KEYS)
    assert KEYS.master.hex() not in repr(KEYS)


def test_a_code_is_the_same_however_it_is_typed() -> None:
    assert {keys.normal_code(text) for text in ("AB0D1-EFGH1", "ab0d1efgh1", " abOdI - efghL ")} == {"AB0D1EFGH1"}
