"""The life of an order as a table. Whatever is not in the table does not happen; it is reported instead."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    QUEUED = "queued", _("queued")  # never left the centre
    LEASED = "leased", _("leased")  # given to the gateway, not yet acknowledged
    TAKEN = "taken", _("taken")  # journalled at the gateway
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")
    UNCLEAR = "unclear", _("unclear")  # a person decides
    EXPIRED = "expired", _("expired")
    CANCELLED = "cancelled", _("cancelled")


class Step(StrEnum):
    """What can happen to an order: the centre's own steps, the gateway's answers, a person's decision."""

    LEASE = "lease"
    WITHDRAW = "withdraw"  # the centre cancels or expires an order that never left it
    LAPSE = "lapse"  # a switching order that left, was never acknowledged, and whose time is over
    TAKEN = "taken"
    DONE = "done"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DECIDED_APPLIED = "decided_applied"
    DECIDED_NOT = "decided_not"


OPEN = frozenset({State.QUEUED, State.LEASED, State.TAKEN, State.UNCLEAR})
FINAL = frozenset(State) - OPEN

_ANSWERS = {
    Step.TAKEN: State.TAKEN,
    Step.DONE: State.DONE,
    Step.REFUSED: State.REFUSED,
    Step.UNCLEAR: State.UNCLEAR,
    Step.EXPIRED: State.EXPIRED,
    Step.CANCELLED: State.CANCELLED,
}

TABLE: dict[tuple[State, Step], State] = {
    (State.QUEUED, Step.LEASE): State.LEASED,
    (State.QUEUED, Step.WITHDRAW): State.CANCELLED,
    (State.QUEUED, Step.LAPSE): State.EXPIRED,
    (State.LEASED, Step.LAPSE): State.EXPIRED,
    # An answer to a queued order: the centre was restored from a backup older than its own lease.
    **{(State.QUEUED, step): state for step, state in _ANSWERS.items()},
    **{(State.LEASED, step): state for step, state in _ANSWERS.items()},
    **{(State.TAKEN, step): state for step, state in _ANSWERS.items()},
    # A later reading may prove what an earlier one could not.
    (State.UNCLEAR, Step.UNCLEAR): State.UNCLEAR,
    (State.UNCLEAR, Step.DONE): State.DONE,
    (State.UNCLEAR, Step.REFUSED): State.REFUSED,
    (State.UNCLEAR, Step.CANCELLED): State.CANCELLED,
    (State.UNCLEAR, Step.DECIDED_APPLIED): State.DONE,
    (State.UNCLEAR, Step.DECIDED_NOT): State.REFUSED,
    # The same news again is no news.
    (State.DONE, Step.DONE): State.DONE,
    (State.REFUSED, Step.REFUSED): State.REFUSED,
    (State.EXPIRED, Step.EXPIRED): State.EXPIRED,
    (State.CANCELLED, Step.CANCELLED): State.CANCELLED,
    # Late news of an earlier step: an answer resent after a later one was settled.
    **{
        (state, Step.TAKEN): state
        for state in (State.UNCLEAR, State.DONE, State.REFUSED, State.EXPIRED, State.CANCELLED)
    },
    **{(state, Step.UNCLEAR): state for state in (State.DONE, State.REFUSED, State.CANCELLED)},
}


# What has no money in it may also come late: the relay's own word is newer than our clock.
LATE_FACTS: dict[tuple[State, Step], State] = {
    **{(state, Step.DONE): State.DONE for state in (State.REFUSED, State.EXPIRED, State.CANCELLED)},
    **{(State.EXPIRED, step): State.EXPIRED for step in (Step.REFUSED, Step.UNCLEAR, Step.CANCELLED)},
    **{(State.CANCELLED, step): State.CANCELLED for step in (Step.REFUSED, Step.EXPIRED)},
}


def after(state: State, step: Step, *, money: bool) -> State | None:
    """The state that follows, or None: this step contradicts what is already settled, and a person must look."""
    following = TABLE.get((state, step))
    return following if following or money else LATE_FACTS.get((state, step))
