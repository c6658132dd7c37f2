"""`prewatt`: one command line.

A subcommand's module is imported only when it is called, so that a gateway needs no Django.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click
import typer.main

import prewatt

# name -> (module, attribute of a typer.Typer, one line of help, needs the centre's packages)
COMMANDS: dict[str, tuple[str, str, str, bool]] = {
    "demo": ("prewatt.server.demo.cli", "app", "A living building: simulator, gateway, centre and worker. 演示", True),
    "serve": ("prewatt.server.commands.serve", "app", "Everything for one real site, one process tree.", True),
    "web": ("prewatt.server.commands.web", "app", "The pages and the gateways' door.", True),
    "worker": ("prewatt.server.commands.worker", "app", "Seals, expiry of orders, closing of hours and days.", True),
    "migrate": ("prewatt.server.commands.migrate", "app", "Bring the database up to date.", True),
    "kiosk": ("prewatt.server.commands.kiosk", "app", "The lobby's terminal, full screen. 用户查询机", False),
    "gateway": ("prewatt.field.cli.gateway", "app", "Read meters and carry out orders at a site. 通讯管理机", False),
    "simulate": ("prewatt.sim.cli", "app", "Serve buses of virtual meters.", False),
    "simulate-payments": ("prewatt.sim.paying.cli", "app", "Payment providers for this machine, no money.", False),
    "meter": ("prewatt.field.cli.meter", "app", "Read, watch, scan or switch any meter, with no centre.", False),
    "frame": ("prewatt.field.cli.frame", "app", "Decode frames of Modbus and DL/T 645.", False),
    "torture": ("prewatt.server.torture.cli", "app", "The seeded whole-building run: is money exactly once?", True),
    "audit": ("prewatt.server.commands.audit", "app", "Recompute every seal and balance.", True),
    "receipt": ("prewatt.server.commands.receipt", "app", "Receipts: amounts in capitals. 票据", True),
    "sms": ("prewatt.server.commands.sms", "app", "Text messages as a modem takes and brings them. 短信", False),
    "backup": ("prewatt.server.commands.backup", "app", "The whole installation as one file, while it runs.", True),
    "restore": ("prewatt.server.commands.restore", "app", "Bring an installation back from a backup.", True),
    "bench": ("prewatt.server.bench.cli", "app", "Measure against a peer or a physical limit.", False),
    "import": ("prewatt.server.commands.import_", "app", "Bring an estate in from Excel.", True),
    "tariff": ("prewatt.server.commands.tariff", "app", "Check a price plan, and price a load by it. 电价", False),
    "code": ("prewatt.server.commands.code", "app", "Draw a one-time code that enrols a gateway.", True),
    "user": ("prewatt.server.commands.user", "app", "Operators.", True),
}


class _Handover(click.Command):
    """Hands the rest of the line to a subcommand as it is:
    typer brings a click of its own, with its own exits and errors.
    """

    def __init__(self, name: str, target: Any) -> None:
        super().__init__(name, add_help_option=False)
        self._target = target

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.args = list(args)
        return ctx.args

    def invoke(self, ctx: click.Context) -> Any:
        return self._target.main(args=ctx.args, prog_name=ctx.command_path)


class _House(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _, centre = COMMANDS[cmd_name]
        try:
            app = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if centre and (error.name or "").split(".")[0] != "prewatt":
                raise click.ClickException(
                    f"`prewatt {cmd_name}` needs the centre: pip install 'prewatt[centre]'  (missing: {error.name})"
                ) from error
            raise
        return _Handover(cmd_name, typer.main.get_command(app))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in COMMANDS])


@click.command(cls=_House, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(prewatt.__version__, prog_name="prewatt")
def main() -> None:
    """prewatt: prepaid electricity for buildings. 楼宇预付费电能管理"""


if __name__ == "__main__":
    sys.exit(main())
