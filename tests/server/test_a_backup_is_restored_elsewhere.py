"""The command line, on both databases: made while eight cashiers sell, brought back elsewhere, clean."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "cashiers.py"
WORDS = "correct horse battery staple"
CASHIERS, FORMS = 8, 8
_NUMBERS = itertools.count()


class Site:
    """A data folder and a database of its own."""

    def __init__(self, folder: Path, url: str = "") -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.environment = os.environ | {
            "PREWATT_DATA": str(folder),
            "PREWATT_DATABASE": url or f"sqlite:///{folder / 'prewatt.sqlite3'}",
            "PREWATT_BACKUP_PASSPHRASE": WORDS,
            "DJANGO_SETTINGS_MODULE": "prewatt.server.settings",
        }

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.environment | changes,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    def cli(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "prewatt.server.cli", *arguments, **changes)

    def good(self, *arguments: str, **changes: str) -> Any:
        done = self.cli(*arguments, "--json", **changes)
        assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
        return json.loads(done.stdout)

    def selling(self) -> list[subprocess.Popen[str]]:
        spans = [(nth * FORMS, (nth + 1) * FORMS) for nth in range(CASHIERS)]
        command = [sys.executable, str(SCRIPT), "SELL"]
        return [
            subprocess.Popen([*command, str(first), str(last)], env=self.environment, stdout=subprocess.PIPE, text=True)
            for first, last in spans
        ]

    def migrated(self, *, meters: int = 3) -> Site:
        for arguments in (("-m", "prewatt.server.cli", "migrate"), (str(SCRIPT), "PREPARE", str(meters))):
            done = self.run(*arguments)
            assert done.returncode == 0, done.stderr[-2000:]
        return self


@pytest.fixture(params=["sqlite", "postgresql"])
def two_sites(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Site, Site]:
    urls = ["", ""]
    if request.param == "postgresql":
        cluster = request.getfixturevalue("postgres_cluster")
        urls = [cluster.create(f"{name}{os.getpid()}{next(_NUMBERS)}") for name in ("here", "there")]
    return Site(tmp_path / "here", urls[0]).migrated(), Site(tmp_path / "there", urls[1])


@pytest.fixture
def here(tmp_path: Path) -> Site:
    return Site(tmp_path / "here").migrated()


def test_taken_while_eight_cashiers_sell_it_is_clean_elsewhere(two_sites: tuple[Site, Site]) -> None:
    here, there = two_sites
    running = here.selling()
    while here_sales(here) == 0 and any(one.poll() is None for one in running):
        time.sleep(0.05)
    made = here.good("backup", "--to", str(here.folder), "--encrypt")
    printed = [receipt for one in running for _sale, receipt in json.loads(one.communicate(timeout=120)[0])]
    assert len(set(printed)) == CASHIERS * FORMS
    assert made["counts"]["vending_sale"] > 0
    done = there.good("restore", made["file"])
    assert done["ok"], done["audit"]["findings"]
    assert done["counts"] == made["counts"]
    assert done["meters_to_compare"] == 3
    assert done["audit"]["checked"]["transfers"] == 2 * made["counts"]["vending_sale"]
    sold = there.run(str(SCRIPT), "SELL", "1000", "1003")
    assert sold.returncode == 0, sold.stderr[-2000:]
    again = [receipt for _sale, receipt in json.loads(sold.stdout)]
    assert not set(again) & set(printed)  # no number stands on two papers
    assert there.good("audit", "verify")["ok"]


def here_sales(site: Site) -> int:
    done = site.run("-c", "import django; django.setup(); from prewatt.domain.vending.models import Sale; "
                    "print(Sale.objects.count())")  # fmt: skip
    return int(done.stdout or 0)


def test_an_installation_that_is_there_is_moved_aside_only_when_asked(two_sites: tuple[Site, Site]) -> None:
    here, there = two_sites
    made = here.good("backup", "--to", str(here.folder))
    there.migrated(meters=1)
    assert there.run(str(SCRIPT), "SELL", "0", "5").returncode == 0
    refused = there.cli("restore", made["file"])
    assert (refused.returncode, "installation already" in refused.stderr) == (1, True), refused.stderr
    assert here_sales(there) == 5
    done = there.good("restore", made["file"], "--force")
    assert done["moved_aside"]
    assert here_sales(there) == 0
    assert there.good("audit", "verify")["ok"]


def test_a_wrong_passphrase_and_an_altered_file_touch_nothing(here: Site, tmp_path: Path) -> None:
    made = Path(here.good("backup", "--to", str(tmp_path), "--encrypt")["file"])
    there = Site(tmp_path / "there")
    wrong = there.cli("restore", str(made), PREWATT_BACKUP_PASSPHRASE="something else")
    assert (wrong.returncode, "passphrase is not the one" in wrong.stderr) == (1, True), wrong.stderr
    cut = tmp_path / "cut"
    cut.write_bytes(made.read_bytes()[:-100])
    assert "cut short or was altered" in there.cli("restore", str(cut)).stderr
    assert list(there.folder.iterdir()) == []
    fresh = tmp_path / "not" / "there"
    assert there.cli("restore", str(cut), "--into", str(fresh)).returncode == 1
    assert not fresh.parent.exists()


def test_a_database_that_is_not_the_manifests_is_refused(here: Site, tmp_path: Path) -> None:
    """In the open anybody can put another database under the manifest; its figures tell."""
    made = Path(here.good("backup", "--to", str(tmp_path))["file"])
    forged = tmp_path / "forged"
    _repack(made, forged, lambda own: own.execute("DELETE FROM estate_gateway"), lambda facts: None)
    there = Site(tmp_path / "there")
    assert there.cli("restore", str(forged)).returncode == 0  # nothing that is counted
    _repack(made, forged, lambda own: own.execute("DELETE FROM staff_operator_buildings"), _one_sale_more)
    refused = there.cli("restore", str(forged), "--force")
    assert "not the one its manifest describes" in refused.stderr


def test_a_newer_versions_backup_is_refused_and_an_older_ones_is_migrated(here: Site, tmp_path: Path) -> None:
    made = Path(here.good("backup", "--to", str(tmp_path))["file"])

    def newer(facts: dict[str, Any]) -> None:
        facts["migrations"] = sorted([*facts["migrations"], "vending.9999_tomorrow"])

    def row(own: sqlite3.Connection) -> None:
        own.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('vending', '9999_tomorrow', '')")

    forged = tmp_path / "newer"
    _repack(made, forged, row, newer)
    there = Site(tmp_path / "there")
    refused = there.cli("restore", str(forged))
    assert (refused.returncode, "newer version" in refused.stderr) == (1, True), refused.stderr
    assert list(there.folder.iterdir()) == []

    older = tmp_path / "older"
    _repack(made, older, _without_backups, _without_backups_facts)
    assert there.good("restore", str(older))["ok"]
    with sqlite3.connect(there.folder / "prewatt.sqlite3") as own:
        assert own.execute("SELECT COUNT(*) FROM backups_plan").fetchone() == (0,)


def test_without_encryption_nothing_that_opens_doors_travels(here: Site, tmp_path: Path) -> None:
    key = (here.folder / "secret.key").read_text()
    with sqlite3.connect(here.folder / "prewatt.sqlite3") as own:
        user = own.execute("SELECT id FROM staff_operator LIMIT 1").fetchone()[0]
        own.execute(
            "INSERT INTO otp_totp_totpdevice (name, confirmed, key, step, t0, digits, tolerance, drift, last_t, "
            "user_id, throttling_failure_count) VALUES ('phone', 1, 'f00dfacef00dface', 30, 0, 6, 1, 0, -1, ?, 0)",
            (user,),
        )
        own.execute("INSERT INTO django_session VALUES ('sessionwordsessionword', 'x', '2030-01-01')")
    done = here.cli("backup", "--to", str(tmp_path))
    assert "Not encrypted" in done.stderr
    [open_] = tmp_path.glob("*.prewatt-backup")
    into = tmp_path / "out"
    into.mkdir()
    subprocess.run(["tar", "xzf", open_, "-C", into], check=True)
    database = (into / "database.sqlite3").read_bytes()
    for secret in (key, "f00dfacef00dface", "sessionwordsessionword"):
        assert secret.encode() not in database
    assert sorted(one.name for one in into.iterdir()) == ["database.sqlite3", "manifest.json"]
    sealed = here.good("backup", "--to", str(tmp_path), "--encrypt")["file"]
    there = Site(tmp_path / "there")
    assert there.good("restore", sealed)["ok"]
    assert (there.folder / "secret.key").read_text() == key


def test_gateways_keys_open_at_the_new_place(here: Site, tmp_path: Path) -> None:
    """Under the key of the new machine, from the one that travelled sealed; without it they are named."""
    make = (
        "import django; django.setup(); from django.utils.timezone import now; "
        "from prewatt.domain.estate.models import Gateway; from prewatt.web.fieldapi import keyring; "
        "keyring.add_key(gateway=Gateway.objects.get(code='gw-1'), master=b'm' * 32, now=now())"
    )
    show = (
        "import django; django.setup(); from prewatt.web.fieldapi import keyring; from "
        "prewatt.web.fieldapi.models import GatewayKey; print(keyring._opened(GatewayKey.objects.get()).master)"
    )
    assert here.run("-c", make, PREWATT_MASTER_KEY="the old machine's").returncode == 0
    sealed = here.good("backup", "--to", str(tmp_path), "--encrypt", PREWATT_MASTER_KEY="the old machine's")["file"]
    open_ = here.good("backup", "--to", str(tmp_path))["file"]
    there = Site(tmp_path / "there")
    assert there.good("restore", sealed, PREWATT_MASTER_KEY="the new machine's")["gateways_to_enrol"] == []
    assert there.run("-c", show, PREWATT_MASTER_KEY="the new machine's").stdout.strip() == repr(b"m" * 32)
    assert there.run("-c", show, PREWATT_MASTER_KEY="the old machine's").returncode != 0
    elsewhere = Site(tmp_path / "elsewhere")
    assert elsewhere.good("restore", open_)["gateways_to_enrol"] == ["gw-1"]


def test_killed_in_the_middle_nothing_stands_under_the_final_name(here: Site, tmp_path: Path) -> None:
    with sqlite3.connect(here.folder / "prewatt.sqlite3") as own:  # large enough to be in the middle of
        own.execute("CREATE TABLE ballast (filled BLOB)")
        own.executemany("INSERT INTO ballast VALUES (?)", [(os.urandom(1 << 20),) for _ in range(48)])
    folder = tmp_path / "kept"
    folder.mkdir()
    for _ in range(3):
        command = [sys.executable, "-m", "prewatt.server.cli", "backup", "--to", str(folder), "--encrypt"]
        running = subprocess.Popen(command, env=here.environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not list(folder.glob(".*.part")) and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
        running.wait()
        for whole in folder.glob("*.prewatt-backup"):  # it was faster than we: then it is whole
            assert Site(tmp_path / "check").cli("restore", str(whole), "--force").returncode == 0
    assert list(folder.glob(".*.part"))
    made = here.good("backup", "--to", str(folder), "--encrypt")
    assert Path(made["file"]).exists()


def test_a_full_disk_is_a_sentence(here: Site, tmp_path: Path) -> None:
    if os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs a file system of its own")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", small], check=False).returncode:
        pytest.skip("may not mount here")
    try:
        done = here.cli("backup", "--to", str(small), "--encrypt")
        assert (done.returncode, "is full. No backup was made" in done.stderr) == (1, True), done.stderr
        assert "Traceback" not in done.stderr
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_somebody_at_work_on_the_place_is_not_pushed_aside(here: Site, tmp_path: Path) -> None:
    made = here.good("backup", "--to", str(tmp_path))["file"]
    with sqlite3.connect(here.folder / "prewatt.sqlite3") as own:
        own.execute("SELECT COUNT(*) FROM vending_sale").fetchone()
        refused = here.cli("restore", made, "--force")
    assert (refused.returncode, "Stop prewatt here first" in refused.stderr) == (1, True), refused.stderr


def test_a_missing_program_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prewatt.domain.backups import snapshot
    from prewatt.domain.backups.refusals import ProgramMissing

    monkeypatch.setattr(snapshot.shutil, "which", lambda _name: None)
    monkeypatch.setattr(snapshot.Path, "glob", lambda _self, _pattern: iter(()))
    with pytest.raises(ProgramMissing, match="postgresql-client"):
        snapshot.program("pg_dump")


def _repack(made: Path, target: Path, change: Any, describe: Any) -> None:
    """Another database under a manifest that fits it byte for byte, as somebody with an editor would make it."""
    from prewatt.domain.backups import archive

    folder = target.with_name(target.name + ".d")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    target.unlink(missing_ok=True)
    manifest = archive.unpack(made, folder)
    with sqlite3.connect(folder / archive.SQLITE) as own:
        change(own)
    describe(manifest)
    archive.write(target, manifest=manifest, parts={archive.SQLITE: folder / archive.SQLITE}, passphrase=None)


def _one_sale_more(facts: dict[str, Any]) -> None:
    facts["counts"]["vending_sale"] += 1


def _without_backups(own: sqlite3.Connection) -> None:
    own.execute("DROP TABLE backups_run")
    own.execute("DROP TABLE backups_plan")
    own.execute("DELETE FROM django_migrations WHERE app = 'backups'")


def _without_backups_facts(facts: dict[str, Any]) -> None:
    facts["migrations"] = [one for one in facts["migrations"] if not one.startswith("backups.")]
