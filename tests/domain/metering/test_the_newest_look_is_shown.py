from __future__ import annotations

import pytest

from domain.metering.site import MIDNIGHT_MS, MINUTE_MS, Site, at, look
from prewatt.domain.metering.models import MeterState
from prewatt.domain.metering.operations import LOST_AFTER_S, mark_lost, record_health
from prewatt.link.messages import MeterHealth


def health(site: Site, lost: bool, minutes: float | None = None, error: str = "", number: str = "") -> MeterHealth:
    ms = None if minutes is None else MIDNIGHT_MS + round(minutes * MINUTE_MS)
    return MeterHealth(meter=number or site.meter.number, lost=lost, last_answer_at_ms=ms, last_error=error)


def test_a_value_that_a_look_did_not_show_keeps_its_older_one(site: Site) -> None:
    site.record([look(site.meter, 0, energy_wh=100, power_w=50, balance_fen=900)])
    site.record([look(site.meter, 3, balance_fen=800, relay_closed=1)])
    state = site.state()
    assert (state.energy_wh, state.power_w, state.balance_fen, state.relay_closed) == (100, 50, 800, 1)
    assert (state.taken_at, state.energy_at) == (at(3), at(0))


def test_within_one_batch_too(site: Site) -> None:
    site.record(
        [
            look(site.meter, 3, balance_fen=800),
            look(site.meter, 0, energy_wh=100, balance_fen=900),
            look(site.meter, 6, relay_closed=0),
        ]
    )
    state = site.state()
    assert (state.energy_wh, state.balance_fen, state.relay_closed) == (100, 800, 0)
    assert (state.taken_at, state.energy_at) == (at(6), at(0))


def test_an_older_look_changes_nothing(site: Site) -> None:
    site.record([look(site.meter, 30, energy_wh=100, balance_fen=5)])
    site.record([look(site.meter, 0, energy_wh=90, balance_fen=6, power_w=1)])
    state = site.state()
    assert (state.energy_wh, state.balance_fen, state.power_w, state.taken_at) == (100, 5, None, at(30))


def test_tenths_and_thousandths_stay_whole_numbers(site: Site) -> None:
    site.record([look(site.meter, 0, voltage_a_v=2298, current_a_a=4120, power_factor=970, frequency_hz=5001)])
    state = site.state()
    assert (state.voltage_a_dv, state.current_a_ma, state.power_factor_e3, state.frequency_chz) == (
        2298,
        4120,
        970,
        5001,
    )


def test_times_are_kept_to_the_millisecond(site: Site) -> None:
    site.record([look(site.meter, 0.01666, balance_fen=1)])
    assert site.state().taken_at == at(round(0.01666 * MINUTE_MS) / MINUTE_MS)


def test_a_meter_is_lost_when_its_gateway_says_so_and_back_with_its_next_answer(site: Site) -> None:
    site.record([look(site.meter, 0, balance_fen=1)])
    record_health([health(site, lost=True, minutes=0, error="no_answer")], gateway=site.gateway, now=at(11))
    state = site.state()
    assert (state.lost, state.lost_since, state.last_error) == (True, at(0), "no_answer")
    site.record([look(site.meter, 40, balance_fen=1)])
    state = site.state()
    assert (state.lost, state.lost_since) == (False, None)


def test_being_told_again_does_not_move_the_beginning(site: Site) -> None:
    for minutes in (11, 20, 90):
        record_health([health(site, lost=True, minutes=0)], gateway=site.gateway, now=at(minutes))
    assert site.state().lost_since == at(0)


def test_old_readings_from_a_journal_do_not_bring_a_lost_meter_back(site: Site) -> None:
    record_health([health(site, lost=True, minutes=0)], gateway=site.gateway, now=at(11))
    site.record([look(site.meter, 5, balance_fen=1)], minutes=60)
    state = site.state()
    assert (state.lost, state.lost_since, state.balance_fen) == (True, at(0), 1)


def test_health_of_another_gateways_meter_is_not_taken(site: Site) -> None:
    taken = record_health(
        [health(site, lost=True, number="9900000001"), health(site, lost=True, number="none")],
        gateway=site.gateway,
        now=at(0),
    )
    assert taken == 0
    assert not MeterState.objects.filter(lost=True).exists()


@pytest.mark.parametrize(("after_s", "lost"), [(LOST_AFTER_S, 0), (LOST_AFTER_S + 1, 1)])
def test_a_silent_gateway_makes_its_meters_lost(site: Site, after_s: int, lost: int) -> None:
    site.record([look(site.meter, 0, balance_fen=1)])
    assert mark_lost(now=at(after_s / 60)) == lost
    state = site.state()
    assert (state.lost, state.lost_since) == (bool(lost), at(0) if lost else None)


def test_a_meter_that_was_taken_out_of_use_is_not_lost(site: Site) -> None:
    site.record([look(site.meter, 0, balance_fen=1)])
    site.meter.active = False
    site.meter.save(update_fields=["active"])
    assert mark_lost(now=at(600)) == 0
