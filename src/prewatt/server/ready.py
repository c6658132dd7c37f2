"""Make Django ready for a command, or say in one sentence which setting is wrong.

Exit codes: 78 a setting is wrong and starting again will not help; 75 something outside is not there yet, try again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

EXIT_WRONG_SETTING = 78
EXIT_TRY_AGAIN = 75


class WrongSetting(click.ClickException):
    """A setting of this site is wrong. Starting again without changing it does not help."""

    exit_code = EXIT_WRONG_SETTING


class NotThereYet(click.ClickException):
    """Something this process needs does not answer. Starting again later may help."""

    exit_code = EXIT_TRY_AGAIN


def centre(*, database: bool = True, migrated: bool = False) -> None:
    """Load the settings and check them. `database`: it must answer; `migrated`: its tables must be up to date.

    Raises WrongSetting or NotThereYet, which the command line prints without a traceback.
    """
    _load()
    _explain_settings()
    if database:
        _reach_database()
    if migrated:
        _need_tables()


def _load() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prewatt.server.settings")
    import django

    try:
        django.setup()
    except OSError as error:
        raise WrongSetting(
            f"The data folder cannot be used: {error.strerror}: {error.filename}. "
            "Give PREWATT_DATA a folder that this user may write."
        ) from error
    except ValueError as error:
        raise WrongSetting(f"A setting is wrong: {error}.{_hint(str(error))}") from error


def _hint(text: str) -> str:
    if "timezone" in text.lower():
        return " PREWATT_ZONE takes a name such as Asia/Shanghai."
    return ""


def _explain_settings() -> None:
    from django.core import checks

    import prewatt.server.checks  # noqa: F401 - registers them

    wrong: list[CheckMessage] = [found for found in checks.run_checks(tags=["prewatt"]) if found.is_serious()]
    if wrong:
        raise WrongSetting(" ".join(f"{found.msg} {found.hint or ''}".strip() for found in wrong))


def _reach_database() -> None:
    from django.core.exceptions import ImproperlyConfigured
    from django.db import Error, connection

    try:
        connection.ensure_connection()
    except ImproperlyConfigured as error:
        raise WrongSetting(
            "PREWATT_DATABASE names PostgreSQL, but its driver is not installed: pip install 'prewatt[postgres]'"
        ) from error
    except Error as error:
        raise NotThereYet(
            f"The database of PREWATT_DATABASE does not answer: {str(error).strip()}. "
            "Nothing was changed; start again when it does."
        ) from error


def _need_tables() -> None:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    connection.close()
    if missing:
        raise NotThereYet(f"The database lacks {len(missing)} changes of this version. Run `prewatt migrate` once.")
