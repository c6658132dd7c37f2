"""The seal by itself, without the archive inside it that would notice, too."""

from __future__ import annotations

import io
import os

import pytest

from prewatt.domain.backups import sealing
from prewatt.domain.backups.refusals import ArchiveUnreadable, WrongPassphrase
from prewatt.domain.backups.sealing import PIECE, SealedReader, SealedWriter

WORDS = "correct horse battery staple"
SEALED = PIECE + 16


def sealed(content: bytes) -> tuple[bytes, list[bytes]]:
    """What stands before the pieces, and the pieces."""
    target = io.BytesIO()
    writer = SealedWriter(target, WORDS, cost=16)
    for at in range(0, len(content), 70_000):
        writer.write(content[at : at + 70_000])
    writer.finish()
    whole = target.getvalue()
    begin = len(sealing.MAGIC) + 4 + int.from_bytes(whole[len(sealing.MAGIC) :][:4], "big")
    return whole[:begin], [whole[at : at + SEALED] for at in range(begin, len(whole), SEALED)]


def opened(head: bytes, pieces: list[bytes], words: str = WORDS) -> bytes:
    source = io.BytesIO(head + b"".join(pieces))
    assert sealing.is_sealed(source)
    return io.BufferedReader(SealedReader(source, words)).read()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_what_went_in_comes_out(size: int) -> None:
    content = os.urandom(size)
    assert opened(*sealed(content)) == content


def test_a_piece_left_out_doubled_moved_or_cut_off_is_refused() -> None:
    content = b"the same every time" * (PIECE // 5)  # equal pieces: only their place tells them apart
    head, pieces = sealed(content)
    one, two, *rest = pieces
    for forged in (
        [two, one, *rest],
        [one, one, *rest],
        [two, *rest],
        pieces[:-1],
        [*pieces, pieces[-1]],
        [pieces[-1]],
    ):
        with pytest.raises(ArchiveUnreadable):
            opened(head, forged)


def test_no_two_pieces_and_no_two_files_look_alike() -> None:
    content = bytes(3 * PIECE)
    head, pieces = sealed(content)
    again, others = sealed(content)
    assert len({*pieces[:3], *others[:3]}) == 6
    assert head != again


def test_pieces_of_another_file_under_the_same_passphrase_are_refused() -> None:
    head, pieces = sealed(bytes(2 * PIECE))
    _again, others = sealed(bytes(2 * PIECE))
    with pytest.raises(ArchiveUnreadable):
        opened(head, [others[0], *pieces[1:]])


def test_an_altered_header_is_refused() -> None:
    head, pieces = sealed(b"x" * 100)
    for at in range(len(sealing.MAGIC) + 4, len(head)):
        altered = head[:at] + bytes([head[at] ^ 1]) + head[at + 1 :]
        with pytest.raises(ArchiveUnreadable):
            opened(altered, pieces)


def test_a_header_that_asks_for_all_the_memory_is_refused_before_it_gets_it() -> None:
    head, pieces = sealed(b"x")
    body = head[len(sealing.MAGIC) + 4 :].replace(b'"cost": 16', b'"cost": 1073741824')
    with pytest.raises(ArchiveUnreadable):
        opened(sealing.MAGIC + len(body).to_bytes(4, "big") + body, pieces)


def test_the_wrong_passphrase_is_named() -> None:
    with pytest.raises(WrongPassphrase):
        opened(*sealed(b"x"), words="another")
