from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from counter import Counter
from prewatt.domain.backups import archive, making, operations, queries, snapshot
from prewatt.domain.backups.models import Plan, Run, RunState
from prewatt.domain.backups.refusals import DiskFull
from prewatt.domain.staff.models import LogEntry

WORDS = "correct horse battery staple"
INDEX = "/settings/backups/"


@pytest.fixture
def folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan's folder. The snapshot itself is shown on real databases elsewhere: here it is a small stand-in."""

    def take(target: Path, *, guarded: bool, alive: Any) -> dict[str, Any]:
        with sqlite3.connect(target) as own:
            own.execute("CREATE TABLE one (n)")
        return {"migrations": [], "counts": {}, "seals": {}}

    monkeypatch.setattr(snapshot, "take", take)
    monkeypatch.setattr(snapshot, "part", lambda: archive.SQLITE)
    monkeypatch.setenv(making.PASSPHRASE, WORDS)
    settings.DATA_DIR = tmp_path
    made = tmp_path / "kept"
    made.mkdir()
    return made


def plan(client: Any, where: Path, **changes: str) -> Any:
    given = {"on": "1", "hour": "3", "keep": "2", "folder": str(where), "encrypt": "1", "passphrase_file": ""}
    return client.post(INDEX, {name: value for name, value in (given | changes).items() if value})


def test_who_sees_every_building_plans_a_backup(client: Any, counter: Counter, folder: Path) -> None:
    client.force_login(counter.admin)
    assert plan(client, folder).status_code == 302
    kept = Plan.objects.get()
    assert (kept.on, kept.hour, kept.keep, kept.folder, kept.encrypt) == (True, 3, 2, str(folder), True)
    entry = LogEntry.objects.get(action="backup.plan")
    assert (entry.operator, entry.after["folder"]) == (counter.admin, str(folder))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"folder": "/nowhere/at/all"}, "/nowhere/at/all"),
        ({"folder": "relative"}, "relative"),
        ({"keep": "0"}, "365"),
        ({"keep": "many"}, "365"),
        ({"passphrase_file": "/nowhere/words"}, "/nowhere/words"),
    ],
)
def test_a_plan_that_could_not_work_is_refused_with_everything_typed(
    client: Any, counter: Counter, folder: Path, changes: dict[str, str], said: str
) -> None:
    client.force_login(counter.admin)
    answer = plan(client, folder, **changes)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Plan.objects.exists()


def test_a_person_limited_to_a_tower_finds_no_such_page(client: Any, counter: Counter, folder: Path) -> None:
    plan(client, folder)
    Run.objects.create(id="r1", asked_at=counter.now, file="/somewhere", state=RunState.DONE)
    counter.stranger.buildings.add(counter.building)
    client.force_login(counter.stranger)
    for method, url in (("get", INDEX), ("post", INDEX), ("get", INDEX + "live/"), ("post", INDEX + "now/")):
        assert getattr(client, method)(url).status_code == 404
    assert "/somewhere" not in client.get(reverse("console:dashboard")).content.decode()
    assert queries.health(operator=counter.stranger, now=counter.now) is None
    with pytest.raises(operations.NotYours):
        operations.ask(run_id="r2", operator=counter.stranger, now=counter.now)


def test_the_wrong_role_may_not(client: Any, counter: Counter) -> None:
    client.force_login(counter.cashier)
    assert client.get(INDEX).status_code == 403
    assert client.post(INDEX + "now/").status_code == 403


def test_one_now_runs_once_and_shows_how_far_it_is(client: Any, counter: Counter, folder: Path) -> None:
    client.force_login(counter.admin)
    plan(client, folder, on="")
    for _ in range(2):  # a double click
        client.post(INDEX + "now/", {"form_id": "same"})
    run = Run.objects.get()
    assert (run.state, run.asked_by) == ("queued", counter.admin)
    page = client.get(INDEX + "live/").content.decode()
    assert "<progress" in page
    assert "every 2s" in page
    assert operations.work(timezone.now()) == 1
    run.refresh_from_db()
    assert (run.state, run.percent, run.encrypted) == ("done", 100, True)
    assert run.verified_at is not None
    assert archive.unpack(Path(run.file), None, passphrase=WORDS)["encrypted"]
    page = client.get(INDEX + "live/").content.decode()
    assert run.file in page
    assert "every 2s" not in page


def test_a_failure_says_why_on_the_page_and_on_the_dashboard(
    client: Any, counter: Counter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(counter.admin)
    plan(client, folder, on="")
    client.post(INDEX + "now/", {"form_id": "one"})

    def full(*_: Any, **__: Any) -> None:
        raise DiskFull("The disk of /kept is full. Make room.")

    monkeypatch.setattr(archive, "write", full)
    operations.work(timezone.now())
    run = Run.objects.get()
    assert (run.state, run.reason) == ("failed", "disk_full")
    for url in (INDEX, reverse("console:dashboard")):
        assert "The disk of /kept is full" in client.get(url).content.decode()
    assert list(folder.iterdir()) == []


def test_the_dashboard_warns_when_the_last_good_one_is_older_than_two_days(
    client: Any, counter: Counter, folder: Path
) -> None:
    at = timezone.now()
    run = Run.objects.create(id="r", asked_at=at, state=RunState.DONE, ended_at=at - timedelta(hours=47))
    seen = queries.health(operator=counter.admin, now=at)
    assert seen is not None
    assert not seen.warns
    run.ended_at = at - timedelta(hours=49)
    run.save()
    seen = queries.health(operator=counter.admin, now=at)
    assert seen is not None
    assert seen.old
    client.force_login(counter.admin)
    page = client.get(reverse("console:dashboard")).content.decode()
    assert INDEX in page
    client.force_login(counter.cashier)
    assert INDEX not in client.get(reverse("console:dashboard")).content.decode()


def test_the_plan_runs_once_a_day_at_its_hour_and_keeps_so_many(client: Any, counter: Counter, folder: Path) -> None:
    client.force_login(counter.admin)
    plan(client, folder, hour="3", keep="2")
    early = timezone.localtime(timezone.now()).replace(hour=2, minute=59)
    assert operations.work(early) == 0
    for day in range(4):
        at = early.replace(hour=3, minute=1) + timedelta(days=day)
        assert operations.work(at) == 1
        assert operations.work(at + timedelta(minutes=1)) == 0
    planned = Run.objects.filter(planned=True)
    assert (planned.count(), planned.filter(gone_at=None).count()) == (4, 2)
    assert sorted(str(one) for one in folder.iterdir()) == sorted(
        planned.filter(gone_at=None).values_list("file", flat=True)
    )


def test_what_a_restore_left_to_be_done_stands_on_the_page(client: Any, counter: Counter) -> None:
    from prewatt.domain.dispatch.models import Unseen
    from prewatt.domain.dispatch.restores import restored
    from prewatt.domain.settlement import compare_restored

    counter.opened()
    restored(backup_made_at=counter.now, now=counter.now)
    client.force_login(counter.admin)
    page = client.get(INDEX).content.decode()
    assert 'role="status"' in page
    counter.read_all(purchase_count=1, bought_fen=100, balance_fen=100)
    compare_restored(now=counter.now)
    assert Unseen.objects.get().differs
    page = client.get(INDEX).content.decode()
    assert 'role="alert"' in page
    assert counter.meters[0].number in page


def test_what_a_person_asked_for_is_never_rotated_away(client: Any, counter: Counter, folder: Path) -> None:
    client.force_login(counter.admin)
    plan(client, folder, keep="1")
    client.post(INDEX + "now/", {"form_id": "mine"})
    at = timezone.localtime(timezone.now()).replace(hour=4)
    for day in range(3):
        operations.work(at + timedelta(days=day))
        operations.work(at + timedelta(days=day))
    mine = Run.objects.get(pk="mine")
    assert (mine.gone_at, Path(mine.file).exists()) == (None, True)


def test_a_failed_one_of_the_plan_is_tried_again_three_times_a_day(
    client: Any, counter: Counter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(counter.admin)
    plan(client, folder)
    folder.rmdir()
    at = timezone.localtime(timezone.now()).replace(hour=4, minute=0)
    made = [operations.work(at + timedelta(hours=hour)) for hour in (0, 0, 1, 2, 3, 4)]
    assert sum(made) <= 3
    assert set(Run.objects.values_list("reason", flat=True)) == {"folder"}


def test_who_died_at_it_is_buried_and_the_next_one_runs(client: Any, counter: Counter, folder: Path) -> None:
    client.force_login(counter.admin)
    plan(client, folder, on="")
    at = timezone.now()
    Run.objects.create(id="dead", asked_at=at, state=RunState.RUNNING, seen_at=at - timedelta(minutes=6))
    Run.objects.create(id="alive", asked_at=at, state=RunState.RUNNING, seen_at=at - timedelta(minutes=1))
    operations.work(at)
    assert Run.objects.get(pk="dead").reason == "interrupted"
    assert Run.objects.get(pk="alive").state == RunState.RUNNING


def test_a_short_or_missing_passphrase_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(making.PASSPHRASE, raising=False)
    with pytest.raises(making.NoPassphrase, match=making.PASSPHRASE):
        making.passphrase()
    file = tmp_path / "words"
    file.write_text("short\n")
    with pytest.raises(making.NoPassphrase, match="12"):
        making.passphrase(str(file))
    file.write_text(WORDS + "\n")
    assert making.passphrase(str(file)) == WORDS


def test_the_passphrase_is_never_in_the_log_or_on_the_page(client: Any, counter: Counter, folder: Path) -> None:
    client.force_login(counter.admin)
    plan(client, folder)
    client.post(INDEX + "now/", {"form_id": "one"})
    operations.work(timezone.now())
    said = json.dumps(list(LogEntry.objects.values("before", "after")))
    assert WORDS not in said + client.get(INDEX).content.decode()
