"""`prewatt user`: operators. There are no default passwords: a site without an operator has none who can log in."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import click
import typer

from prewatt.server import ready

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator, Role


class _Refused(click.ClickException):
    """What was asked is not allowed. Nothing was changed."""

    exit_code = 1


class _WrongUse(click.ClickException):
    exit_code = 2


app = typer.Typer(add_completion=False, no_args_is_help=True)

PASSWORD_VARIABLE = "PREWATT_PASSWORD"  # noqa: S105 - the name of a variable
_PASSWORD_HELP = f"Read the password from the first line of the input. Else from {PASSWORD_VARIABLE}, else asked for."
StdinOption = Annotated[bool, typer.Option("--password-stdin", help=_PASSWORD_HELP)]


@app.callback()
def user() -> None:
    """Operators of the console: add, list, set a password."""


def _centre() -> None:
    ready.centre(migrated=True)
    from django.utils import translation

    translation.activate("en")  # the command line speaks English, whatever the site's pages speak


@app.command()
def add(
    *,
    username: Annotated[str, typer.Argument(help="What the operator types to log in.")],
    role: Annotated[str, typer.Option(help="admin, finance, cashier, engineer, viewer, or one of your own.")],
    name: Annotated[str, typer.Option(help="The person's name, as it stands on receipts.")] = "",
    building: Annotated[list[str] | None, typer.Option(help="Code of a building to see; may be repeated.")] = None,
    all_buildings: Annotated[bool, typer.Option("--all-buildings", help="See everything.")] = False,
    password_stdin: StdinOption = False,
) -> None:
    """Add an operator.

    Exit codes: 0 added; 1 refused (the name is taken, the password is weak); 2 wrong use.
    """
    _centre()
    found = _role(role)
    building_ids = _buildings(building or [], all_buildings)
    from django.core.exceptions import ValidationError

    from prewatt.domain.staff import operations as staff

    password = _password(password_stdin)
    try:
        operator = staff.add_operator(
            username=username,
            name=name,
            role=found,
            password=password,
            now=datetime.now(UTC),
            all_buildings=all_buildings,
            building_ids=building_ids,
        )
    except (staff.UsernameRefused, ValidationError) as error:
        raise _refused(error) from error
    typer.echo(f"Added {operator.username} ({found.code}).")


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Every operator, with role and scope."""
    _centre()
    from prewatt.domain.staff.models import Operator

    found = Operator.objects.select_related("role").prefetch_related("buildings").order_by("username")
    facts = [_facts(operator) for operator in found]
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    if not facts:
        typer.echo("There is no operator yet: prewatt user add NAME --role admin --all-buildings")
    for one in facts:
        scope = "all buildings" if one["all_buildings"] else ", ".join(one["buildings"]) or "nothing"  # type: ignore[arg-type]
        off = "" if one["active"] else "  (disabled)"
        typer.echo(f"{one['username']:<20} {one['role']:<10} {scope}  {one['name']}{off}")


@app.command("password")
def password_(
    username: Annotated[str, typer.Argument(help="Whose password.")], password_stdin: StdinOption = False
) -> None:
    """Set an operator's password. Exit codes: 0 set; 1 refused; 2 no such operator."""
    _centre()
    from django.core.exceptions import ValidationError

    from prewatt.domain.staff import operations as staff
    from prewatt.domain.staff.models import Operator

    operator = Operator.objects.filter(username=username).first()
    if operator is None:
        raise _WrongUse(f"There is no operator {username}. `prewatt user list` shows them all.")
    try:
        staff.set_password(operator=operator, password=_password(password_stdin), now=datetime.now(UTC))
    except ValidationError as error:
        raise _refused(error) from error
    typer.echo(f"Set the password of {username}.")


def _role(code: str) -> Role:
    from prewatt.domain.staff import operations as staff
    from prewatt.domain.staff.models import Role

    staff.ready_roles()
    found = Role.objects.filter(code=code).first()
    if found is None:
        codes = ", ".join(Role.objects.order_by("code").values_list("code", flat=True))
        raise _WrongUse(f"There is no role {code}. There are: {codes}.")
    return found


def _buildings(codes: list[str], every: bool) -> list[int]:
    from prewatt.domain.estate.models import Building

    if every == bool(codes):
        raise _WrongUse("Say what the operator may see: --all-buildings, or --building CODE (may be repeated).")
    found = dict(Building.objects.filter(code__in=codes).values_list("code", "pk"))
    if unknown := [code for code in codes if code not in found]:
        raise _WrongUse(f"There is no building {', '.join(unknown)}.")
    return list(found.values())


def _password(from_input: bool) -> str:
    """Never an argument: arguments are seen by everybody on the machine."""
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if password := os.environ.get(PASSWORD_VARIABLE):
        return password
    if not sys.stdin.isatty():
        raise _WrongUse(f"No password: there is no terminal to ask. Use --password-stdin or {PASSWORD_VARIABLE}.")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _facts(operator: Operator) -> dict[str, object]:
    return {
        "username": operator.username,
        "name": operator.name,
        "role": operator.role.code,
        "active": operator.is_active,
        "all_buildings": operator.all_buildings,
        "buildings": sorted(building.code for building in operator.buildings.all()),
    }


def _refused(error: Exception) -> _Refused:
    return _Refused(" ".join(getattr(error, "messages", [str(error)])) + " Nothing was changed.")
