"""Why a backup was not made or cannot be read. `code` is kept with the run; the words for it stand in `reasons`."""

from __future__ import annotations

from typing import ClassVar

from prewatt.domain.staff.refusals import Refused


class BackupRefused(Refused):
    """Nothing stands under the final name; what was there before is untouched."""

    code: ClassVar[str] = "backup"


class FolderUnusable(BackupRefused):
    code: ClassVar[str] = "folder"


class DiskFull(BackupRefused):
    code: ClassVar[str] = "disk_full"
    retry: ClassVar[bool] = True


class NoPassphrase(BackupRefused):
    code: ClassVar[str] = "no_passphrase"


class ProgramMissing(BackupRefused):
    code: ClassVar[str] = "program_missing"


class DatabaseRefused(BackupRefused):
    code: ClassVar[str] = "database"
    retry: ClassVar[bool] = True


class ArchiveUnreadable(BackupRefused):
    """No archive of ours, or one that was cut short or altered."""

    code: ClassVar[str] = "archive"


class WrongPassphrase(ArchiveUnreadable):
    code: ClassVar[str] = "passphrase"
    retry: ClassVar[bool] = True
