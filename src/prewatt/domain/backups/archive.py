"""One backup is one file: a gzipped tar of named parts behind a manifest, sealed or not. No Django: a restore reads it
before there is an installation.

Made under a temporary name, fsynced, renamed, and the folder fsynced: whatever happens, what stands under the final
name is whole.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from prewatt.domain.backups.refusals import ArchiveUnreadable, BackupRefused, DiskFull, FolderUnusable, NoPassphrase
from prewatt.domain.backups.sealing import CUT_SHORT, SealedReader, SealedWriter, is_sealed

FORMAT = 1
MANIFEST, SECRETS = "manifest.json", "secrets.json"
SQLITE, POSTGRES = "database.sqlite3", "database.dump"
PARTS = frozenset({SQLITE, POSTGRES, SECRETS})
_MANIFEST_MAX = 4 * 1024 * 1024
_CHUNK = 1024 * 1024
_TELL_EVERY = 16 * _CHUNK

Manifest = dict[str, Any]
Alive = Callable[[float], None]


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(
    target: Path,
    *,
    manifest: Mapping[str, Any],
    parts: Mapping[str, Path],
    passphrase: str | None,
    alive: Alive = lambda _done: None,
) -> Manifest:
    """Pack the parts under `target`'s name, which must be free. Returns the manifest with their sizes and digests."""
    listed = [
        {"name": name, "bytes": path.stat().st_size, "sha256": digest(path)} for name, path in sorted(parts.items())
    ]
    whole = {"format": FORMAT, **manifest, "parts": listed, "encrypted": passphrase is not None}
    with disk_spoken_for(target.parent), _under_temporary_name(target) as file:
        sink = SealedWriter(file, passphrase) if passphrase is not None else None
        _pack(cast(BinaryIO, sink or file), whole, parts, alive)
        if sink is not None:
            sink.finish()
    return whole


def _pack(sink: BinaryIO, manifest: Manifest, parts: Mapping[str, Path], alive: Alive) -> None:
    text = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    with (
        gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=3, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        tar.addfile(_entry(MANIFEST, len(text)), io.BytesIO(text))
        for one in manifest["parts"]:
            with parts[one["name"]].open("rb") as file:
                tar.addfile(_entry(one["name"], one["bytes"]), cast(BinaryIO, _Watched(file, one["bytes"], alive)))


class _Watched:
    """Tells while a large part is packed that somebody is still at work."""

    def __init__(self, file: BinaryIO, size: int, alive: Alive) -> None:
        self._file, self._size, self._alive, self._read, self._told = file, size, alive, 0, 0

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._read += len(piece)
        if self._read - self._told >= _TELL_EVERY:
            self._told = self._read
            self._alive(self._read / max(self._size, 1))
        return piece


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


@contextmanager
def _under_temporary_name(target: Path) -> Iterator[BinaryIO]:
    if target.exists():
        raise FolderUnusable(f"{target} is there already. No backup was made. Choose another name.")
    making = target.with_name(f".{target.name}.part")
    making.unlink(missing_ok=True)
    try:
        handle = os.open(making, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        making.rename(target)
        sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):
            making.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def disk_spoken_for(folder: Path) -> Iterator[None]:
    """What the disk says, as a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"The disk of {folder} is full. No backup was made and nothing stands under its name. "
                "Make room, or choose another folder."
            ) from error
        raise FolderUnusable(
            f"The folder {folder} cannot be used ({error.strerror}). No backup was made. "
            "Choose a folder that this user may write."
        ) from error


def read_manifest(source: Path, *, passphrase: str | None = None) -> Manifest:
    """What an archive says of itself, without unpacking it. Raises ArchiveUnreadable."""
    with _opened(source, passphrase) as tar:
        return _manifest(tar)


def unpack(source: Path, into: Path | None, *, passphrase: str | None = None) -> Manifest:
    """Check the whole archive, and put its parts `into` a folder; None only checks. Raises ArchiveUnreadable,
    WrongPassphrase, NoPassphrase. Nothing else is touched.
    """
    with _opened(source, passphrase) as tar:
        manifest = _manifest(tar)
        expected = {one["name"]: one for one in manifest["parts"]}
        while entry := tar.next():
            said = expected.pop(entry.name, None)
            if said is None or not entry.isreg():
                raise ArchiveUnreadable(CUT_SHORT)
            found = _take(tar, entry, None if into is None else into / entry.name)
            if (found, entry.size) != (said["sha256"], said["bytes"]):
                raise ArchiveUnreadable(CUT_SHORT)
        if expected:
            raise ArchiveUnreadable(CUT_SHORT)
    return manifest


def _take(tar: tarfile.TarFile, entry: tarfile.TarInfo, target: Path | None) -> str:
    content = tar.extractfile(entry)
    assert content is not None  # it is a file
    sha = hashlib.sha256()
    handle = None if target is None else os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(os.devnull if handle is None else handle, "wb") as file:
        while piece := content.read(_CHUNK):
            sha.update(piece)
            file.write(piece)
        if handle is not None:
            file.flush()
            os.fsync(file.fileno())
    return sha.hexdigest()


def _manifest(tar: tarfile.TarFile) -> Manifest:
    entry = tar.next()
    if entry is None or entry.name != MANIFEST or not entry.isreg() or entry.size > _MANIFEST_MAX:
        raise ArchiveUnreadable(CUT_SHORT)
    content = tar.extractfile(entry)
    assert content is not None
    try:
        found = json.loads(content.read())
        names = [str(one["name"]) for one in found["parts"]]
        known = [(int(one["bytes"]), str(one["sha256"])) for one in found["parts"]]
    except (ValueError, KeyError, TypeError):
        raise ArchiveUnreadable(CUT_SHORT) from None
    if found.get("format") != FORMAT:
        raise ArchiveUnreadable(
            f"This archive has format {found.get('format')}, this version knows {FORMAT}. Nothing was touched. "
            "Restore it with the version of prewatt that made it, or a newer one."
        )
    if not PARTS.issuperset(names) or len(set(names)) != len(known):
        raise ArchiveUnreadable(CUT_SHORT)
    return cast(Manifest, found)


@contextmanager
def _opened(source: Path, passphrase: str | None) -> Iterator[tarfile.TarFile]:
    """The archive's tar. What is left behind it is read to the end: a file that was cut or altered never passes."""
    try:
        with source.open("rb") as file:
            stream: BinaryIO = file
            if is_sealed(file):
                if passphrase is None:
                    raise NoPassphrase(f"{source.name} is encrypted. Nothing was touched. Give its passphrase.")
                stream = cast(BinaryIO, io.BufferedReader(SealedReader(file, passphrase), _CHUNK))
            with gzip.GzipFile(fileobj=stream, mode="rb") as packed:
                with tarfile.open(fileobj=packed, mode="r|") as tar:
                    yield tar
                while packed.read(_CHUNK):
                    pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveUnreadable(CUT_SHORT) from error
    except OSError as error:
        raise ArchiveUnreadable(f"{source} cannot be read ({error.strerror}). Nothing was touched.") from error


__all__ = ["BackupRefused", "Manifest", "read_manifest", "unpack", "write"]
