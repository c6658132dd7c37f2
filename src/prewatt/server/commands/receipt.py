"""`prewatt receipt`: what belongs to receipts and needs no database."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True)

EXIT_NO_AMOUNT = 2  # as for every argument that cannot be read


@app.callback()
def receipt() -> None:
    """Receipts: amounts in capitals. 票据"""


@app.command()
def amount(
    yuan: Annotated[str, typer.Argument(metavar="YUAN", help="An amount in yuan, such as 1409.50.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print fen, figures and capitals as JSON.")] = False,
) -> None:
    """An amount in the capitals that stand on a receipt. 大写金额"""
    from prewatt.domain.vending.capitals import capitals
    from prewatt.units.values import Money, UnitError

    try:
        money = Money.parse(yuan.strip().removeprefix("¥").replace(",", ""))
        text = f"人民币{capitals(money.fen)}"
    except (UnitError, ValueError) as error:
        typer.echo(f"{yuan!r} is no amount of yuan from zero up with at most two decimals: {error}", err=True)
        raise typer.Exit(EXIT_NO_AMOUNT) from error
    figures = f"¥{money.fen // 100:,}.{money.fen % 100:02d}"
    if as_json:
        typer.echo(json.dumps({"fen": money.fen, "figures": figures, "capitals": text}, ensure_ascii=False))
    else:
        typer.echo(text)
