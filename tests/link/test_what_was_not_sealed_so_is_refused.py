"""Every way in which a sealed message can be wrong is refused, by name; what was sealed right opens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prewatt.link import seal
from prewatt.link.keys import Direction, LinkKeys, Suite
from prewatt.link.messages import Batch, OrdersRequest, Reading
from prewatt.link.seal import Type, Window

SUITES = list(Suite)
MASTER = bytes(range(32))
BATCH = Batch(
    sent_at_ms=1_700_000_000_000,
    first_seq=1,
    last_seq=3,
    readings=[
        Reading(meter="030001040A", taken_at_ms=1_700_000_000_000, values={"energy_wh": 68_460, "balance_fen": -5})
    ],
)


def _keys(suite: str, gateway: str = "gw-1", version: int = 1, master: bytes = MASTER) -> LinkKeys:
    return LinkKeys(gateway=gateway, suite=suite, version=version, master=master)


def _sealed(suite: str, boot: int = 7, sequence: int = 1, direction: Direction = Direction.UP) -> bytes:
    return seal.seal(BATCH, keys=_keys(suite), direction=direction, kind=Type.BATCH, boot=boot, sequence=sequence)


def _open(envelope: bytes, keys: LinkKeys) -> Batch:
    return seal.unseal(envelope, Batch, keys=keys, direction=Direction.UP, kind=Type.BATCH)[1]


@pytest.mark.parametrize("suite", SUITES)
def test_what_was_sealed_opens(suite: str) -> None:
    header, message = seal.unseal(_sealed(suite), Batch, keys=_keys(suite), direction=Direction.UP, kind=Type.BATCH)
    assert message == BATCH
    assert (header.gateway, header.boot, header.sequence, header.key_version) == ("gw-1", 7, 1, 1)


@pytest.mark.parametrize("suite", SUITES)
def test_a_long_message_opens_too(suite: str) -> None:
    reading = BATCH.readings[0]
    long = Batch(sent_at_ms=1, first_seq=1, last_seq=500, readings=[reading] * 500)
    envelope = seal.seal(long, keys=_keys(suite), direction=Direction.UP, kind=Type.BATCH, boot=1, sequence=1)
    assert _open(envelope, _keys(suite)) == long
    assert len(envelope) < 10_000  # deflated: the same names again and again


@pytest.mark.parametrize("suite", SUITES)
def test_nothing_of_the_message_can_be_read_on_the_way(suite: str) -> None:
    envelope = _sealed(suite)
    assert b"030001040A" not in envelope
    assert b"energy_wh" not in envelope


@pytest.mark.parametrize("suite", SUITES)
def test_no_single_flipped_bit_is_believed(suite: str) -> None:
    envelope = _sealed(suite)
    for bit in range(8 * len(envelope)):
        flipped = bytearray(envelope)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(seal.SealError) as caught:
            _open(bytes(flipped), _keys(suite))
        assert caught.value.code != seal.SealError.code


@pytest.mark.parametrize("suite", SUITES)
def test_no_shortened_or_lengthened_message_is_believed(suite: str) -> None:
    envelope = _sealed(suite)
    for end in range(len(envelope)):
        with pytest.raises((seal.MalformedEnvelope, seal.Forged)):
            _open(envelope[:end], _keys(suite))
    with pytest.raises(seal.Forged):
        _open(envelope + b"\x00", _keys(suite))


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"gateway": "gw-2"}, seal.WrongGateway),
        ({"version": 2}, seal.WrongKeyVersion),
        ({"master": bytes(32)}, seal.Forged),
    ],
)
def test_keys_of_another_are_refused(suite: str, keys: dict[str, object], error: type[seal.SealError]) -> None:
    with pytest.raises(error):
        _open(_sealed(suite), _keys(suite, **keys))  # type: ignore[arg-type]


@pytest.mark.parametrize("sealed_with", SUITES)
@pytest.mark.parametrize("set_to", SUITES)
def test_a_suite_is_never_negotiated(sealed_with: str, set_to: str) -> None:
    if sealed_with == set_to:
        return
    with pytest.raises(seal.WrongSuite):
        _open(_sealed(sealed_with), _keys(set_to))


@pytest.mark.parametrize("suite", SUITES)
def test_the_other_direction_is_refused_even_with_the_right_byte(suite: str) -> None:
    down = _sealed(suite, direction=Direction.DOWN)
    with pytest.raises(seal.WrongDirection):
        _open(down, _keys(suite))
    turned = bytearray(down)
    turned[4] = Direction.UP
    with pytest.raises(seal.Forged):
        _open(bytes(turned), _keys(suite))


@pytest.mark.parametrize("suite", SUITES)
def test_a_message_is_not_taken_for_one_of_another_type(suite: str) -> None:
    with pytest.raises(seal.WrongType):
        seal.unseal(_sealed(suite), OrdersRequest, keys=_keys(suite), direction=Direction.UP, kind=Type.ORDERS)


@pytest.mark.parametrize("suite", SUITES)
def test_a_reply_answers_its_own_question_only(suite: str) -> None:
    envelope = seal.seal(
        BATCH, keys=_keys(suite), direction=Direction.DOWN, kind=Type.BATCH_REPLY, boot=9, sequence=1, reply_to=(7, 1)
    )

    def read(reply_to: tuple[int, int]) -> None:
        seal.unseal(
            envelope, Batch, keys=_keys(suite), direction=Direction.DOWN, kind=Type.BATCH_REPLY, reply_to=reply_to
        )

    read((7, 1))
    with pytest.raises(seal.WrongReply):
        read((7, 2))


@pytest.mark.parametrize("suite", [Suite.AES_256_GCM, Suite.SM4_GCM])
def test_two_messages_never_share_a_nonce_and_so_never_a_stream(suite: str) -> None:
    assert _sealed(suite, sequence=1)[40:] != _sealed(suite, sequence=2)[40:]


def test_triple_des_uses_another_key_for_every_message() -> None:
    keys = _keys(Suite.TRIPLE_DES)
    seen = {
        seal._triple_des_keys(keys, seal.peek(_sealed(Suite.TRIPLE_DES, boot, sequence))[0])
        for boot, sequence in [(1, 1), (1, 2), (2, 1)]
    }
    assert len(seen) == 3
    assert all(len(cipher) == 24 and len({cipher[:8], cipher[8:16], cipher[16:]}) == 3 for cipher, _ in seen)


@given(data=st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_other_bytes_are_refused_by_name(data: bytes) -> None:
    for envelope in (data, b"PW\x01\x01\x01\x01" + data):
        with pytest.raises(seal.SealError):
            _open(envelope, _keys(Suite.AES_256_GCM))


def test_a_message_that_inflates_beyond_measure_is_refused() -> None:
    import zlib

    with pytest.raises(seal.MalformedEnvelope):
        seal._unpack(b"\x01" + zlib.compress(b"\x00" * (seal.MESSAGE_BYTES_MAX + 1)), Batch)


# --- replay -----------------------------------------------------------------------------------------------------------


def test_a_message_is_taken_once() -> None:
    window = seal.accept(Window(), 1, 1)
    with pytest.raises(seal.Replayed):
        seal.accept(window, 1, 1)


def test_messages_may_overtake_each_other_a_little() -> None:
    window = Window()
    for sequence in (1, 3, 2, 5, 4):
        window = seal.accept(window, 1, sequence)
    for sequence in (1, 2, 3, 4, 5):
        with pytest.raises(seal.Replayed):
            seal.accept(window, 1, sequence)


def test_what_is_far_behind_is_refused() -> None:
    window = seal.accept(Window(), 1, 100)
    with pytest.raises(seal.Replayed):
        seal.accept(window, 1, 100 - seal.WINDOW_BITS)
    assert seal.accept(window, 1, 100 - seal.WINDOW_BITS + 1)


def test_an_earlier_boot_is_refused_for_good() -> None:
    window = seal.accept(seal.accept(Window(), 1, 9), 2, 1)
    with pytest.raises(seal.Replayed):
        seal.accept(window, 1, 10)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 150)), max_size=200))
def test_whatever_the_order_nothing_is_taken_twice(messages: list[tuple[int, int]]) -> None:
    window, taken = Window(), set()
    for boot, sequence in messages:
        try:
            window = seal.accept(window, boot, sequence)
        except seal.Replayed:
            continue
        assert (boot, sequence) not in taken
        assert 0 < window.bits < 2**62  # both databases hold it
        taken.add((boot, sequence))


def test_a_clock_that_is_hours_off_is_tolerated_and_one_that_is_days_off_is_not() -> None:
    hour_ms = 3_600_000
    assert seal.check_clock(20 * hour_ms + 5, 5) == 20 * hour_ms
    for sent in (0, 60 * hour_ms):
        with pytest.raises(seal.ClockSkew):
            seal.check_clock(sent, 30 * hour_ms)
