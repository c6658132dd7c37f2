"""The command as a newcomer starts it: a port, a folder of settings, and an end without noise."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx


def test_the_command_serves_and_hands_out_every_setting(tmp_path: Path) -> None:
    folder = tmp_path / "providers"
    program = "from prewatt.server.cli import main; main()"
    argv = [sys.executable, "-c", program, "simulate-payments", "--hand-out", str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        url = json.loads(running.stdout.readline())["url"]
        try:
            assert httpx.get(f"{url}/orders/").status_code == 200
            assert httpx.post(f"{url}/sandbox/alipay", content='{"nonsense": 1}').status_code == 400
        finally:
            running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    kept = {path.name: path for path in folder.iterdir()}
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept.values())
    assert kept["alipay_gateway"].read_text() == f"{url}/gateway.do"
    assert kept["wechat_base"].read_text() == url


def test_every_needed_setting_of_a_site_is_handed_out(tmp_path: Path) -> None:
    from prewatt.domain.payments.setup import FIELDS
    from prewatt.sim.paying import keys
    from prewatt.sim.paying.cli import SETTINGS, settings_of

    given = settings_of(keys.for_the_merchant(keys.make(now=datetime.now(UTC)), "http://127.0.0.1:9"))
    for channel, fields in FIELDS.items():
        assert set(given[str(channel)]) == set(SETTINGS[str(channel)]) == {field.name for field in fields}
