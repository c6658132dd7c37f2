"""A week of a tower is millions of frames: all of them are in the hash, only the last of them in memory."""

from __future__ import annotations

from prewatt.server.torture.history import FRAMES_KEPT, History


class Clock:
    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        self.ms += 1
        return self.ms


def told(frames: int) -> History:
    history = History(Clock())
    history.note("did", sale="s1")
    for number in range(frames):
        history.note("out", bytes=f"{number:08x}")
    history.note("settle", order="s1")
    return history


def test_of_the_frames_only_the_last_are_kept() -> None:
    history = told(3 * FRAMES_KEPT)
    assert len(history.frames) == FRAMES_KEPT
    assert history.told == ["1 did sale=s1", f"{3 * FRAMES_KEPT + 2} settle order=s1"]
    assert history.counts["out"] == 3 * FRAMES_KEPT


def test_every_frame_is_in_the_hash() -> None:
    history, other = told(2 * FRAMES_KEPT), History(Clock())
    other.note("did", sale="s1")
    for number in range(2 * FRAMES_KEPT):
        other.note("out", bytes=f"{max(1, number):08x}")  # the very first frame is another one
    other.note("settle", order="s1")
    assert list(history.frames) == list(other.frames)
    assert history.sha256 != other.sha256


def test_the_last_lines_stand_in_the_order_in_which_they_came() -> None:
    history = told(5)
    assert [line.split()[1] for line in history.last(3)] == ["out", "out", "settle"]
    assert [line.split()[1] for line in history.last(100)] == ["did", "out", "out", "out", "out", "out", "settle"]
