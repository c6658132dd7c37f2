"""The eight states of a meter, by one pure function, the same on every page, report and alarm."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """In the order of precedence: when several hold, the first is shown."""

    NONE = "none", _("no account")  # 未开户
    LOST = "lost", _("lost")  # 失联
    HOLD = "hold", _("hold")  # 保电
    OFF = "off", _("off")  # 已断电
    OWE = "owe", _("arrears")  # 欠费
    AL2 = "al2", _("alarm 2")  # 报警2
    AL1 = "al1", _("alarm 1")  # 报警1
    OPEN = "open", _("normal")  # 正常


FORCED_ON = 2


@dataclass(frozen=True, slots=True)
class Facts:
    """What a state follows from. None: never read."""

    opened: bool
    lost: bool = False
    balance_fen: int | None = None
    overdraft_fen: int | None = None
    relay_closed: int | None = None
    forced: int | None = None
    alarm1_fen: int = 0
    alarm2_fen: int = 0
    postpaid: bool = False  # whoever pays afterwards is in no state of money


def net_fen(facts: Facts) -> int | None:
    """Balance less overdraft: one figure, negative in arrears."""
    if facts.balance_fen is None:
        return None
    overdraft = facts.overdraft_fen or 0
    return facts.balance_fen if facts.balance_fen < 0 else facts.balance_fen - overdraft


def all_states(facts: Facts) -> tuple[State, ...]:
    """Every state that holds, first the one to show."""
    if not facts.opened:
        return (State.NONE,)
    net = None if facts.postpaid else net_fen(facts)
    holds = {
        State.LOST: facts.lost,
        State.HOLD: facts.forced == FORCED_ON,
        State.OFF: facts.relay_closed == 0,
        State.OWE: net is not None and net <= 0,
        State.AL2: net is not None and 0 < net <= facts.alarm2_fen,
        State.AL1: net is not None and facts.alarm2_fen < net <= facts.alarm1_fen and net > 0,
    }
    return tuple(state for state in State if holds.get(state)) or (State.OPEN,)


def state(facts: Facts) -> State:
    """The one state to show."""
    return all_states(facts)[0]
