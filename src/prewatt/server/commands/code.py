"""`prewatt code`: a one-time code with which a gateway gets its keys."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from prewatt.server import ready

app = typer.Typer(add_completion=False)

EXIT_UNKNOWN = 1  # no such gateway, or its suite is turned off; 75 and 78: the centre's database could not be used


@app.command()
def code(
    gateway: Annotated[str, typer.Argument(help="The gateway's code, as in the estate.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as one JSON object.")] = False,
) -> None:
    """Draw a one-time code, to be typed at the gateway within a day. Codes drawn before for it end.

    At the gateway: prewatt gateway enrol --centre https://HOST --code CODE
    """
    ready.centre(migrated=True)
    from django.utils import timezone

    from prewatt.domain.estate.enrolment import CODE_VALID, new_code
    from prewatt.domain.estate.models import Gateway

    found = Gateway.objects.filter(code=gateway).first()
    if found is None:
        known = ", ".join(Gateway.objects.values_list("code", flat=True)[:20]) or "none yet"
        typer.echo(f"no gateway {gateway!r}; known are: {known}", err=True)
        raise typer.Exit(EXIT_UNKNOWN)
    now = timezone.now()
    drawn = new_code(gateway=found, now=now)
    if as_json:
        typer.echo(json.dumps({"gateway": gateway, "code": drawn, "expires_at": (now + CODE_VALID).isoformat()}))
        return
    typer.echo(drawn)
    typer.echo(f"for {gateway}, once, within 24 hours: prewatt gateway enrol --centre URL --code {drawn}", err=True)
