"""`prewatt simulate-payments`: three payment providers on one local port."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from prewatt.sim.paying.keys import for_the_merchant
from prewatt.sim.paying.server import running

app = typer.Typer(add_completion=False)
EXIT_ENDPOINT = 3
# What is handed out, by channel, under the names that a site's settings have (docs/commands.md, PREWATT_PAY_…).
SETTINGS = {
    "wechat": (
        "merchant_id app_id serial platform_serial platform_key private_key api_v3_key base app_secret login openid"
    ).split(),
    "alipay": "app_id seller_id public_key private_key gateway".split(),
    "unionpay": "merchant_id certificate middle root private_key subject gateway files".split(),
}


@app.command()
def simulate_payments(
    port: Annotated[int, typer.Option(help="port on loopback; 0 takes a free one", min=0, max=65_535)] = 0,
    hand_out: Annotated[
        Path | None, typer.Option(help="write what the providers hand out into this folder, one file a setting")
    ] = None,
    hurry: Annotated[
        float, typer.Option(help="repeat notifications that were not taken so many times sooner", min=1, max=1000)
    ] = 1.0,
) -> None:
    """Be WeChat Pay, Alipay and UnionPay for this machine: real signatures, fresh keys, no money. 支付沙箱

    Prints one JSON line when it is ready: {"url"}. Ends cleanly on Ctrl-C or SIGTERM.
    """
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        with running(port=port, hurry=hurry) as sandbox:
            if hand_out is not None:
                write_folder(hand_out, for_the_merchant(sandbox.keys, sandbox.base))
            print(json.dumps({"url": sandbox.base}), flush=True)
            ended.wait()
    except OSError as error:
        print(f"prewatt simulate-payments: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_ENDPOINT) from None


def settings_of(handed_out: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The values of `SETTINGS`."""
    wechat, alipay, unionpay = (dict(handed_out[name]) for name in ("wechat", "alipay", "unionpay"))
    ((serial, key),) = wechat.pop("platform").items()
    alipay_key = alipay.pop("alipay_public_key")
    alipay_base, unionpay_base = alipay.pop("base"), unionpay.pop("base")
    return {
        "wechat": {**wechat, "platform_serial": serial, "platform_key": key},
        "alipay": {**alipay, "public_key": alipay_key, "gateway": f"{alipay_base}/gateway.do"},
        "unionpay": {**unionpay, "gateway": f"{unionpay_base}/gateway/api", "files": f"{unionpay_base}/"},
    }


def write_folder(folder: Path, handed_out: Mapping[str, Any]) -> None:
    """`FOLDER/wechat_app_id` and so on, for the `…_FILE` settings of a site. Each whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for channel, values in settings_of(handed_out).items():
        for name, value in values.items():
            fresh = folder / f".{channel}_{name}"
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(value)
            fresh.replace(folder / f"{channel}_{name}")
