"""The rules can be swapped for bad ones, and the same misfortunes that the good ones survive then cost money."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from field.gateway.site import PROFILE, Room, Site, recharge, run
from prewatt import profiles
from prewatt.field.gateway.journal import SqliteJournal
from prewatt.field.gateway.recharge import STANDARD, RechargeRules
from prewatt.field.gateway.turns import Action, Fact, Phase, Step
from prewatt.field.wire import modbus
from prewatt.link.messages import Outcome
from prewatt.sim import virtual

REPEAT_ON_SILENCE = RechargeRules(table={**STANDARD, (Phase.WRITTEN, Fact.UNANSWERED): Action.WRITE})
TRUST_THE_ANSWER = RechargeRules(
    table={
        **STANDARD,
        (Phase.WRITTEN, Fact.ACKED): Action.DONE,
        (Phase.WRITTEN, Fact.DENIED): Action.REFUSE,
    }
)
JOURNAL_AFTER = RechargeRules(journal_first=False)


class PowerCut(Exception):
    pass


def countless(folder: Path) -> list[Path]:
    """The same meter without a purchase count to prove anything by: it takes whatever comes."""
    shipped = Path(profiles.__file__).with_name(f"{PROFILE}.toml").read_text()
    kind = 'kind = "purchase_count"'
    assert kind in shipped
    (folder / "profiles").mkdir()
    (folder / "profiles" / f"{PROFILE}.toml").write_text(shipped.replace(kind, 'kind = "none"'))
    return [folder / "profiles"]


def credit_anything(room: Room, request: modbus.Request) -> None:
    amount = request.values[0] << 16 | request.values[1]
    room.meter.recharge(amount_fen=amount, count=room.meter.purchase_count + 1)


def sell(folder: Path, rules: RechargeRules, script: Any, *, dies: str = "") -> tuple[Site, list[Outcome]]:
    class Fragile(SqliteJournal):
        died = False

        async def step(self, order_id: str, step: Step) -> None:
            if dies == "before" and not Fragile.died:
                Fragile.died = True
                raise PowerCut
            await super().step(order_id, step)

    async def story() -> tuple[Site, list[Outcome]]:
        site = Site(folder, script=script)
        site.rules = {"recharge_rules": rules, "directories": countless(folder)}
        site.make_journal = lambda path: Fragile(path, threaded=False, synchronous="OFF")
        site.start()
        site.centre.place(recharge(bought_before_fen=None))
        await asyncio.sleep(20)
        if dies:
            await site.kill()
            site.start()
            await asyncio.sleep(60)
        outcomes = [answer.outcome for answer in site.centre.answers if answer.outcome is not Outcome.TAKEN]
        await site.stop()
        return site, outcomes

    return run(story())


def credited(site: Site) -> int:
    return site.rooms[0].meter.memory.bought_fen - 15_000


def answer_lost_once() -> Any:
    lost = False

    def script(room: Room, request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
        nonlocal lost
        if request.function != 16:
            return answer()
        credit_anything(room, request)
        if not lost:
            lost = True
            return None
        return modbus.encode_reply(request, modbus.Reply(request.unit, 16))

    return script


def says(yes: bool, does: bool) -> Any:
    def script(room: Room, request: modbus.Request, answer: Callable[[], bytes]) -> bytes | None:
        if request.function != 16:
            return answer()
        if does:
            credit_anything(room, request)
        return (
            modbus.encode_reply(request, modbus.Reply(request.unit, 16)) if yes else modbus.encode_exception(request, 4)
        )

    return script


def test_repeating_on_silence_credits_twice_and_the_table_does_not(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    site, outcomes = sell(tmp_path / "good", RechargeRules(), answer_lost_once())
    assert (outcomes, credited(site)) == ([Outcome.DONE], 10_000)
    (tmp_path / "bad").mkdir()
    site, _ = sell(tmp_path / "bad", REPEAT_ON_SILENCE, answer_lost_once())
    assert credited(site) == 20_000


@pytest.mark.parametrize(("yes", "does", "believed"), [(True, False, Outcome.DONE), (False, True, Outcome.REFUSED)])
def test_trusting_the_answer_loses_money_and_the_table_does_not(
    tmp_path: Path, yes: bool, does: bool, believed: Outcome
) -> None:
    (tmp_path / "good").mkdir()
    site, outcomes = sell(tmp_path / "good", RechargeRules(), says(yes, does))
    assert outcomes != [believed]
    assert (outcomes == [Outcome.DONE]) == (credited(site) == 10_000)
    (tmp_path / "bad").mkdir()
    site, outcomes = sell(tmp_path / "bad", TRUST_THE_ANSWER, says(yes, does))
    assert outcomes == [believed]
    assert (believed is Outcome.DONE) != (credited(site) == 10_000)


def test_journalling_after_writing_credits_twice_after_a_power_cut(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    site, outcomes = sell(tmp_path / "good", RechargeRules(), says(True, True), dies="before")
    assert (outcomes, credited(site)) == ([Outcome.DONE], 10_000)
    (tmp_path / "bad").mkdir()
    site, outcomes = sell(tmp_path / "bad", JOURNAL_AFTER, says(True, True), dies="before")
    assert credited(site) == 20_000


def test_rules_are_data() -> None:
    assert msgspec.structs.replace(RechargeRules(), writes_max=1).table is STANDARD
    with pytest.raises(TypeError):
        STANDARD[Phase.FRESH, Fact.SILENT] = Action.WRITE  # type: ignore[index]
    assert virtual.VirtualLoop(start_ms=5).now_ms() == 5
