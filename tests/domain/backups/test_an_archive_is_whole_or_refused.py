from __future__ import annotations

import errno
import gzip
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from prewatt.domain.backups import archive, sealing
from prewatt.domain.backups.refusals import (
    ArchiveUnreadable,
    DiskFull,
    FolderUnusable,
    NoPassphrase,
    WrongPassphrase,
)

WORDS = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _cheap_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing.SealedWriter.__init__, "__kwdefaults__", {"cost": 16})


def made(folder: Path, passphrase: str | None, *, size: int = 3 * sealing.PIECE + 17) -> Path:
    database = folder / "source"
    database.write_bytes(os.urandom(size))
    target = folder / "one.prewatt"
    archive.write(target, manifest={"version": "1"}, parts={archive.SQLITE: database}, passphrase=passphrase)
    return target


@pytest.mark.parametrize("passphrase", [None, WORDS])
def test_what_went_in_comes_out(tmp_path: Path, passphrase: str | None) -> None:
    target = made(tmp_path, passphrase)
    out = tmp_path / "out"
    out.mkdir()
    manifest = archive.unpack(target, out, passphrase=passphrase)
    assert (out / archive.SQLITE).read_bytes() == (tmp_path / "source").read_bytes()
    assert manifest["version"] == "1"
    assert manifest["parts"][0]["sha256"] == archive.digest(tmp_path / "source")
    assert target.stat().st_mode & 0o077 == 0
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".part")] == []


@pytest.mark.parametrize("passphrase", [None, WORDS])
@pytest.mark.parametrize("size", [0, 5, sealing.PIECE, sealing.PIECE * 2])
def test_every_size_comes_back(tmp_path: Path, passphrase: str | None, size: int) -> None:
    target = made(tmp_path, passphrase, size=size)
    assert archive.unpack(target, None, passphrase=passphrase)["parts"][0]["bytes"] == size


@pytest.mark.parametrize("passphrase", [None, WORDS])
def test_wherever_it_is_cut_it_is_refused(tmp_path: Path, passphrase: str | None) -> None:
    target = made(tmp_path, passphrase)
    whole = target.read_bytes()
    piece = sealing.PIECE + 16
    header = len(whole) - (len(whole) // piece) * piece
    for length in (0, 10, 40, header, header + piece, header + 2 * piece, len(whole) // 2, len(whole) - 1):
        target.write_bytes(whole[:length])
        with pytest.raises(ArchiveUnreadable):
            archive.unpack(target, None, passphrase=passphrase)


@pytest.mark.parametrize("passphrase", [None, WORDS])
def test_one_changed_bit_anywhere_is_refused(tmp_path: Path, passphrase: str | None) -> None:
    target = made(tmp_path, passphrase, size=40_000)
    whole = target.read_bytes()
    for at in (*range(10, 300, 7), len(whole) // 2, len(whole) - 20, len(whole) - 1):
        altered = bytearray(whole)
        altered[at] ^= 4
        target.write_bytes(altered)
        try:
            found = archive.unpack(target, None, passphrase=passphrase)
        except ArchiveUnreadable:
            continue
        # In the open a bit may say the same in another way, as in gzip's first line: of the content nothing differs.
        assert passphrase is None
        assert gzip.decompress(bytes(altered)) == gzip.decompress(whole), at
        assert found["parts"][0]["bytes"] == 40_000


def test_pieces_moved_doubled_or_appended_are_refused(tmp_path: Path) -> None:
    target = made(tmp_path, WORDS)
    whole = target.read_bytes()
    length = int.from_bytes(whole[len(sealing.MAGIC) : len(sealing.MAGIC) + 4], "big")
    begin, piece = len(sealing.MAGIC) + 4 + length, sealing.PIECE + 16
    head, body = whole[:begin], whole[begin:]
    first, second, rest = body[:piece], body[piece : 2 * piece], body[2 * piece :]
    for forged in (second + first + rest, first + first + second + rest, second + rest, body + first, first + second):
        target.write_bytes(head + forged)
        with pytest.raises(ArchiveUnreadable):
            archive.unpack(target, None, passphrase=WORDS)


def test_a_wrong_passphrase_is_told_from_a_broken_file(tmp_path: Path) -> None:
    target = made(tmp_path, WORDS, size=10)
    with pytest.raises(WrongPassphrase, match="Type it again"):
        archive.unpack(target, None, passphrase=WORDS + " ")
    with pytest.raises(NoPassphrase):
        archive.unpack(target, None)


def test_nothing_of_the_content_can_be_read_without_the_passphrase(tmp_path: Path) -> None:
    database = tmp_path / "source"
    database.write_bytes("张三 13800000000".encode() * 100)
    target = tmp_path / "one"
    archive.write(target, manifest={"version": "1"}, parts={archive.SQLITE: database}, passphrase=WORDS)
    raw = target.read_bytes()
    assert b"manifest" not in raw
    assert "张三".encode() not in raw
    assert WORDS.encode() not in raw


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "database.sqlite3/../../x", "other"])
def test_a_part_that_is_none_of_ours_is_never_written(tmp_path: Path, name: str) -> None:
    source = tmp_path / "evil.tar.gz"
    text = json.dumps({"format": 1, "parts": [{"name": name, "bytes": 1, "sha256": "x"}]}).encode()
    (tmp_path / "manifest").write_bytes(text)
    with tarfile.open(source, "w:gz") as tar:
        tar.add(tmp_path / "manifest", archive.MANIFEST)
        tar.add(tmp_path / "manifest", name)
    out = tmp_path / "in" / "out"
    out.mkdir(parents=True)
    with pytest.raises(ArchiveUnreadable):
        archive.unpack(source, out)
    assert list(out.iterdir()) == []
    assert {one.name for one in tmp_path.iterdir()} == {"evil.tar.gz", "manifest", "in"}


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(archive, "_pack", full)
    with pytest.raises(DiskFull, match="is full"):
        made(tmp_path, WORDS)
    assert [one.name for one in tmp_path.iterdir()] == ["source"]


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    target = made(tmp_path, None, size=10)
    before = target.read_bytes()
    with pytest.raises(FolderUnusable, match="there already"):
        made(tmp_path, None, size=20)
    assert target.read_bytes() == before


def test_a_stranger_file_is_refused_by_name(tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(os.urandom(1000))
    with pytest.raises(ArchiveUnreadable):
        archive.unpack(source, None)
    with pytest.raises(ArchiveUnreadable, match="cannot be read"):
        archive.unpack(tmp_path / "missing", None)
