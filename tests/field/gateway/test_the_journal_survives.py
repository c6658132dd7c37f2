"""What is journalled is there after the power failed; what the disk cannot take is lost loudly, and never money."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from field.gateway.site import START_MS, Site, recharge, run
from prewatt.field.gateway.journal import JournalBroken, JournalFull, SqliteJournal, Taken
from prewatt.field.gateway.turns import Step, StepName
from prewatt.link.messages import Answer, Config, Event, Kind, MeterHealth, Order, Outcome, Reading


def journal(folder: Path, **options: Any) -> SqliteJournal:
    return SqliteJournal(folder / "journal.db", **{"threaded": False, "synchronous": "OFF", **options})


def reading(number: int, size: int = 3) -> Reading:
    return Reading(meter="m1", taken_at_ms=START_MS + number, values={f"name_{n}": number for n in range(size)})


def answer(order_id: str, outcome: Outcome = Outcome.DONE) -> Answer:
    return Answer(order_id=order_id, meter="m1", outcome=outcome, at_ms=START_MS)


def order(order_id: str, kind: Kind = Kind.RECHARGE) -> Order:
    return Order(order_id=order_id, meter="m1", kind=kind, placed_at_ms=START_MS, amount_fen=100, count=2)


def test_numbers_run_on_over_restarts_even_when_everything_was_acknowledged(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path)
        for number in range(5):
            one.reading(reading(number))
        first = await one.pending(3)
        assert (first.first_seq, first.last_seq, first.more) == (1, 3, True)
        await one.acknowledge(5)
        await one.close()
        two = journal(tmp_path)
        assert two.boot == one.boot + 1
        two.reading(reading(9))
        after = await two.pending(10)
        assert (after.first_seq, after.last_seq) == (6, 6)
        await two.close()

    run(story())


def test_rows_stay_in_order_until_acknowledged_and_a_future_number_is_not_believed(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path)
        one.reading(reading(1))
        one.event(Event(at_ms=START_MS, code="x"))
        one.health(MeterHealth(meter="m1", lost=True))
        one.reading(reading(2))
        rows = await one.pending(10)
        assert [item.taken_at_ms - START_MS for item in rows.readings] == [1, 2]
        assert (len(rows.events), len(rows.health)) == (1, 1)
        assert await one.pending(10) == rows
        await one.acknowledge(10**9)
        assert not await one.pending(10)
        one.reading(reading(3))
        assert (await one.pending(10)).first_seq == 5
        await one.close()

    run(story())


def test_an_order_its_steps_and_its_answer_are_there_after_the_power_failed(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path)
        assert await one.take(order("a"), now=1) is Taken.NEW
        assert await one.take(order("b"), now=2) is Taken.NEW
        step = Step(name=StepName.WRITING, at_ms=5, values={"purchase_count": 1})
        await one.step("a", step)
        one._db.close()  # no flush, no goodbye
        two = journal(tmp_path)
        opened = await two.open_orders()
        assert [(item.order.order_id, item.steps) for item in opened] == [("a", (step,)), ("b", ())]
        assert await two.take(order("a"), now=3) is Taken.KNOWN
        await two.end(answer("a"))
        two._db.close()
        three = journal(tmp_path)
        assert [item.order.order_id for item in await three.open_orders()] == ["b"]
        assert await three.take(order("a"), now=4) is Taken.ENDED
        told = (await three.pending(100)).answers
        assert [(item.order_id, item.outcome) for item in told] == [
            ("a", Outcome.TAKEN),
            ("b", Outcome.TAKEN),
            ("a", Outcome.DONE),
        ]
        await three.close()

    run(story())


def test_an_order_ends_once(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path)
        await one.take(order("a"), now=1)
        await one.end(answer("a", Outcome.DONE))
        await one.end(answer("a", Outcome.REFUSED))
        assert [item.outcome for item in (await one.pending(10)).answers] == [Outcome.TAKEN, Outcome.DONE]
        await one.close()

    run(story())


def test_a_wish_to_cancel_is_remembered_with_the_order(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path)
        await one.take(recharge("a"), now=1)
        await one.take(recharge("a", cancel=True), now=2)
        assert (await one.open_orders())[0].order.cancel
        await one.close()

    run(story())


def test_answers_do_not_wait_behind_a_week_of_readings(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path)
        for number in range(2_000):
            one.reading(reading(number))
        await one.pending(1)
        await one.take(order("a"), now=1)
        await one.end(answer("a"))
        rows = await one.pending(500)
        assert rows.more
        assert [item.order_id for item in rows.ahead] == ["a", "a"]
        assert rows.answers == []
        await one.close()

    run(story())


def test_over_the_limit_the_oldest_readings_go_loudly_and_orders_stay(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path, bytes_max=300_000)
        await one.take(order("a"), now=1)
        for number in range(12_000):
            one.reading(reading(number))
            if number % 200 == 0:
                await one.pending(1)
        rows = await one.pending(100_000)
        assert one.bytes_used() < 450_000
        swept = [event for event in rows.events if event.code == "swept_out"]
        assert swept
        assert swept[0].detail["from_ms"] == START_MS
        lost = sum(int(event.detail["readings"]) for event in swept)
        assert len(rows.readings) + lost == 12_000
        assert rows.readings[-1].taken_at_ms == START_MS + 11_999
        assert [item.order_id for item in rows.answers] == ["a"]
        assert len(await one.open_orders()) == 1
        await one.close()

    run(story())


def fill(one: SqliteJournal) -> None:
    """No page more than there are now: a full disk."""
    pages = one._db.execute("PRAGMA page_count").fetchone()[0]
    one._db.execute(f"PRAGMA max_page_count = {pages}")


def test_on_a_full_disk_readings_are_dropped_loudly_and_the_gateway_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path)
        await one.pending(1)
        fill(one)
        for number in range(3_000):
            one.reading(reading(number, size=30))
        assert (await one.pending(10)).readings == []
        one._db.execute("PRAGMA max_page_count = 100000")
        one.reading(reading(9_999))
        rows = await one.pending(10)
        [event] = rows.events
        assert event.code == "journal_full"
        assert event.detail["readings"] == 3_000
        assert rows.readings[0].taken_at_ms == START_MS + 9_999
        await one.close()

    run(story())


def test_readings_make_room_for_money(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path)
        await one.take(order("a"), now=1)
        for number in range(500):
            one.reading(reading(number, size=30))
        await one.pending(1)
        fill(one)
        for number in range(200):
            await one.step("a", Step(name=StepName.WRITING, at_ms=number, values={f"n{n}": n for n in range(30)}))
        assert len((await one.open_orders())[0].steps) == 200
        assert any(event.code == "swept_out" for event in (await one.pending(1_000)).events)
        await one.close()

    run(story())


def test_with_no_room_at_all_the_money_write_does_not_leave(tmp_path: Path) -> None:
    class NoRoom(SqliteJournal):
        full = False

        async def step(self, order_id: str, step: Step) -> None:
            if self.full:
                self._db.execute("DELETE FROM outbox WHERE kind = 'reading'")
                self._db.execute("VACUUM")
                fill(self)
                await super().step(order_id, msgspec_big(step))
            await super().step(order_id, step)

    def msgspec_big(step: Step) -> Step:
        return Step(name=step.name, at_ms=step.at_ms, values={f"n{n}": n for n in range(20_000)})

    async def story() -> None:
        site = Site(tmp_path)
        site.make_journal = lambda path: NoRoom(path, threaded=False, synchronous="OFF")
        NoRoom.full = True
        site.start()
        site.centre.place(recharge())
        await asyncio.sleep(60)
        assert site.wire.writes == []
        assert site.centre.outcome("o1") is None
        assert site.crashed is None
        NoRoom.full = False
        site.journal._db.execute("PRAGMA max_page_count = 100000")
        assert (await site.answer("o1")).outcome is Outcome.DONE
        assert len(site.wire.writes) == 1
        await site.stop()

    run(story())


def test_an_order_that_cannot_be_journalled_is_not_taken_and_is_given_again(tmp_path: Path) -> None:
    class NoRoom(SqliteJournal):
        full = True

        async def take(self, order: Order, *, now: int) -> Taken:
            if self.full:
                raise JournalFull("full")
            return await super().take(order, now=now)

    async def story() -> None:
        site = Site(tmp_path)
        site.make_journal = lambda path: NoRoom(path, threaded=False, synchronous="OFF")
        site.start()
        site.centre.place(recharge())
        await asyncio.sleep(30)
        assert site.centre.answers == []
        NoRoom.full = False
        assert (await site.answer("o1")).outcome is Outcome.DONE
        await site.stop()

    run(story())


def test_settled_orders_are_forgotten_in_time_but_never_money(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path)
        for name, kind in (("trip", Kind.SWITCH_OFF), ("sale", Kind.RECHARGE)):
            await one.take(order(name, kind), now=START_MS)
            await one.end(answer(name))
        month = 31 * 86_400_000
        await one.forget_settled(now=START_MS + month)
        assert await one.take(order("trip", Kind.SWITCH_OFF), now=START_MS) is Taken.ENDED  # not acknowledged yet
        await one.acknowledge(100)
        await one.forget_settled(now=START_MS + month)
        assert await one.take(order("sale"), now=START_MS) is Taken.ENDED
        assert await one.take(order("trip", Kind.SWITCH_OFF), now=START_MS) is Taken.NEW
        await one.close()

    run(story())


def test_configuration_keys_and_baselines_are_kept_for_the_owner_only(tmp_path: Path) -> None:
    async def story() -> None:
        one = journal(tmp_path)
        assert await one.config() is None
        config = Config(version=3, gateway="g", buses=[], meters=[])
        await one.save_config(config)
        await one.remember("keys", b"secret")
        one.reading(reading(7), baseline=True)
        await one.close()
        two = journal(tmp_path)
        assert await two.config() == config
        assert await two.recall("keys") == b"secret"
        assert await two.baselines() == {"m1": reading(7)}
        modes.update(stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in os.listdir(tmp_path))
        await two.close()

    modes: set[int] = set()
    run(story())
    assert modes == {0o600}


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(JournalBroken, match=r"journal\.db"):
        journal(tmp_path)


def test_with_a_thread_of_its_own_it_keeps_the_same_promises(tmp_path: Path) -> None:
    async def story() -> None:
        news: list[bool] = []
        one = SqliteJournal(tmp_path / "journal.db", gather_s=0.01)
        one.on_news(news.append)
        for number in range(1_000):
            one.reading(reading(number))
        await one.take(order("a"), now=1)
        await one.step("a", Step(name=StepName.WRITING, at_ms=1))
        await one.end(answer("a"))
        assert True in news
        rows = await one.pending(5_000)
        assert [item.taken_at_ms - START_MS for item in rows.readings] == list(range(1_000))
        assert len(rows.answers) == 2
        await one.acknowledge(rows.last_seq)
        assert not await one.pending(10)
        await one.close()

    asyncio.run(story())


def test_the_boot_counter_rises_even_when_an_old_copy_was_put_back(tmp_path: Path) -> None:
    async def boot(**options: int) -> int:
        one = journal(tmp_path, **options)
        await one.close()
        return one.boot

    assert run(boot()) == 1
    copy = (tmp_path / "journal.db").read_bytes()
    assert run(boot(boot_min=START_MS)) == START_MS
    assert run(boot(boot_min=5)) == START_MS + 1
    (tmp_path / "journal.db").write_bytes(copy)
    assert run(boot(boot_min=START_MS + 1_000)) == START_MS + 1_000
