"""`prewatt bench rate` on a few meters: the three ways come to the same fen, and the figures are of what they say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from prewatt.server.bench import rate


def test_the_figures_are_there_and_the_ways_agree(capsys: pytest.CaptureFixture[str]) -> None:
    rate.run(json=True, meters=2, rounds=1)
    facts = json.loads(capsys.readouterr().out)
    assert facts["intervals"] == 2 * 365 * 48
    assert facts["same_fen"]
    assert all(facts["bulk_ns"][name] > 0 for name in ("bands", "ladder"))
    assert facts["decimal_loop_ns"] > 0


def test_a_way_that_comes_to_another_sum_is_no_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    def cheap(row: np.ndarray) -> list[int]:
        return [0] * 12

    monkeypatch.setattr(rate, "naive_fen", cheap)
    with pytest.raises(AssertionError, match="same fen"):
        rate.measure(2, 1)
