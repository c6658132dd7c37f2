"""`prewatt tariff`: what is wrong with a plan, and what a load costs by it. Needs no database."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from prewatt.domain.tariff.rules.charging import Bill, Customer, Line, price
from prewatt.domain.tariff.rules.faults import BadPlan
from prewatt.domain.tariff.rules.load import BadLoad, read_load
from prewatt.domain.tariff.rules.plan import Plan
from prewatt.domain.tariff.rules.reading import DOCUMENT_BYTES_MAX, parse
from prewatt.domain.tariff.rules.timeline import CannotPrice, Interval
from prewatt.units import Money, Rate
from prewatt.units.values import round_half_up

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Check a price plan, and price a load by it. 电价")

EXIT_FAULT = 1  # the plan has faults, or the load cannot be priced
EXIT_USAGE = 2  # no such file, or a wrong option

PlanOption = Annotated[Path, typer.Option("--plan", help="The plan as JSON; see docs/tariffs.md.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the facts as one JSON object.")]


@app.callback()
def main() -> None:
    """Check a price plan, and price a load by it."""


@app.command()
def check(*, plan: PlanOption, as_json: JsonOption = False) -> None:
    """Tell every fault of a plan, each with its place. Exit code 0: it is sound; 1: it has faults; 2: no such file."""
    faults = []
    try:
        read = parse(_bytes(plan, DOCUMENT_BYTES_MAX + 1))
    except BadPlan as error:
        faults = error.faults
    if as_json:
        told = [{"pointer": fault.pointer, "text": fault.text} for fault in faults]
        facts: dict[str, Any] = {"ok": not faults, "faults": told}
        typer.echo(json.dumps(facts if faults else facts | _facts(read), ensure_ascii=False))
    elif faults:
        for fault in faults:
            typer.echo(str(fault))
        typer.echo(f"{len(faults)} faults in {plan}", err=True)
    else:
        typer.echo(f"{read.name}: sound, {len(read.versions)} versions, prices by {', '.join(_bands(read))}")
    if faults:
        raise typer.Exit(EXIT_FAULT)


def _facts(plan: Plan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "currency": plan.currency,
        "settlement": plan.settlement.every,
        "bands": _bands(plan),
        "versions": [str(version.since) if version.since else None for version in plan.versions],
    }


def _bands(plan: Plan) -> list[str]:
    return list(dict.fromkeys(band for version in plan.versions for band in version.bands))


@app.command(name="price")
def price_load(
    *,
    plan: PlanOption,
    load: Annotated[Path, typer.Option("--load", help="The load as CSV: start, end or minutes, kwh or wh, band.")],
    minutes: Annotated[
        int | None, typer.Option(min=1, max=1440, help="How long each interval lasts, where no column says so.")
    ] = None,
    persons: Annotated[int, typer.Option(min=1, max=100, help="Persons of the household.")] = 1,
    quantity: Annotated[
        list[str] | None, typer.Option(help="A contracted quantity, as demand_kw=120.5; may be given again.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Price a load: for each settlement its lines and its sum.

    Exit code 0: priced; 1: the plan has faults, a line of the load is wrong, or there is no price for it;
    2: no such file.
    """
    customer = Customer(persons, _quantities(quantity or []))
    try:
        chosen = parse(_bytes(plan, DOCUMENT_BYTES_MAX + 1))
        bill = price(chosen, _load(load, chosen, minutes), customer)
    except BadPlan as error:
        _refuse(as_json, "plan", [{"pointer": fault.pointer, "text": fault.text} for fault in error.faults])
    except BadLoad as error:
        _refuse(as_json, "load", [{"line": error.line, "text": error.text}])
    except CannotPrice as error:
        _refuse(as_json, "price", [{"text": str(error)}])
    facts = _bill(chosen, bill, customer)
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
    else:
        _show(facts)


def _refuse(as_json: bool, where: str, faults: list[dict[str, Any]]) -> NoReturn:
    if as_json:
        typer.echo(json.dumps({"ok": False, "where": where, "faults": faults}, ensure_ascii=False))
    for fault in faults:
        place = fault.get("pointer") or (f"line {fault['line']}" if "line" in fault else "")
        typer.echo(f"{where} {place}".strip() + f": {fault['text']}", err=True)
    raise typer.Exit(EXIT_FAULT)


def _bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        typer.echo(f"{path}: {error.strerror or error}", err=True)
        raise typer.Exit(EXIT_USAGE) from error


def _load(path: Path, plan: Plan, minutes: int | None) -> list[Interval]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return read_load(file, zone=plan.zone, minutes=minutes)
    except OSError as error:
        typer.echo(f"{path}: {error.strerror or error}", err=True)
        raise typer.Exit(EXIT_USAGE) from error
    except UnicodeDecodeError as error:
        raise BadLoad(1, "is not UTF-8: save the file as CSV UTF-8") from error


def _quantities(given: list[str]) -> dict[str, Fraction]:
    found = {}
    for text in given:
        name, _, value = text.partition("=")
        if not name or not value.replace(".", "", 1).isdecimal() or not value.isascii():
            raise typer.BadParameter(f"{text!r} is not NAME=NUMBER, as demand_kw=120.5", param_hint="--quantity")
        found[name] = Fraction(value)
    return found


def _bill(plan: Plan, bill: Bill, customer: Customer) -> dict[str, Any]:
    return {
        "ok": True,
        "plan": plan.name,
        "currency": plan.currency,
        "total": str(Money(bill.fen)),
        "kwh": _decimal(Fraction(bill.wh) / 1000, 3),
        "statements": [
            {
                "from": one.span.first_day.isoformat(),
                "days": one.span.days,
                "kwh": _decimal(Fraction(one.wh) / 1000, 3),
                "exact": _decimal(one.exact / 100, 8),
                "total": str(Money(one.fen)),
                "lines": [_line(plan, line) for line in one.lines],
            }
            for one in bill.statements
        ],
        "not_given": sorted(_quantities_of(plan) - set(customer.quantities)),
    }


def _quantities_of(plan: Plan) -> set[str]:
    return {fee.times for version in plan.versions for fee in version.fees if fee.times}


def _line(plan: Plan, line: Line) -> dict[str, Any]:
    since = plan.versions[line.version].since
    facts = {
        "kind": line.kind,
        "name": line.name,
        "band": line.band or None,
        "step": line.step,
        "version": since.isoformat(timespec="minutes") if since else None,
        "kwh": None if line.wh is None else _decimal(Fraction(line.wh) / 1000, 3),
        "price": None if line.rate_e8 is None else str(Rate(line.rate_e8)),
        "count": None if line.count is None else _decimal(line.count, 3),
        "exact": _decimal(line.exact / 100, 8),
        "amount": str(Money(line.fen)),
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _decimal(value: Fraction, decimals: int) -> str:
    """As text, rounded for people; energy that a change cut may have no last digit."""
    whole = round_half_up(value.numerator * 10**decimals, value.denominator)
    sign, digits = "-" if whole < 0 else "", f"{abs(whole):0{decimals + 1}d}"
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def _show(facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=facts["plan"], title_justify="left")
    for heading in ("from", "line", "band", "step", "kWh", "price", facts["currency"]):
        table.add_column(heading, justify="left" if heading in ("from", "line", "band") else "right")
    for one in facts["statements"]:
        for line in one["lines"]:
            told = (line.get(key, "") for key in ("band", "step", "kwh", "price", "amount"))
            table.add_row(one["from"], line.get("name") or line["kind"], *map(str, told))
        table.add_row(one["from"], "sum", "", "", one["kwh"], "", one["total"], style="bold", end_section=True)
    console = Console()
    console.print(table)
    console.print(f"total {facts['total']} {facts['currency']} for {facts['kwh']} kWh")
    if facts["not_given"]:
        console.print(f"not charged, since no --quantity was given: {', '.join(facts['not_given'])}")
