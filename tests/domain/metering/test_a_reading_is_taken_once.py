from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.metering.site import Site, look
from prewatt.domain.metering.models import Dirty, MeterState, Reading
from prewatt.domain.metering.operations import FUTURE_MS_MAX, record_readings

FULL = {
    "energy_wh": 6_170,
    "energy_sharp_wh": 170,
    "energy_peak_wh": 2_000,
    "energy_flat_wh": 2_000,
    "energy_valley_wh": 1_500,
    "energy_deep_wh": 500,
    "bought_fen": 20_000,
    "balance_fen": 12_345,
    "overdraft_fen": 0,
    "purchase_count": 3,
    "power_w": 1_234,
    "current_a_a": 4_120,
    "current_b_a": 3_680,
    "current_c_a": 5_070,
    "voltage_a_v": 2_298,
    "voltage_b_v": 2_306,
    "voltage_c_v": 2_289,
    "power_factor": 985,
    "relay_closed": 1,
    "frequency_hz": 5_001,
}


def stored() -> list[tuple[int, int, int | None]]:
    return list(Reading.objects.order_by("meter", "taken_ms").values_list("meter_id", "taken_ms", "energy_wh"))


def test_every_value_arrives_in_its_column(site: Site) -> None:
    assert site.record([look(site.meter, 0, **FULL)]).added == 1
    row = Reading.objects.values().get()
    assert (row["voltage_b_dv"], row["current_c_ma"], row["power_factor_e3"]) == (2306, 5070, 985)
    assert row["taken_ms"] == look("", 0).taken_at_ms
    others = ("voltage", "current", "frequency", "power_factor", "relay")  # other units here; the newest state only
    kept = {name: value for name, value in FULL.items() if not name.startswith(others)}
    assert {name: row[name] for name in kept} == kept


def test_values_that_a_meter_does_not_show_are_unknown_not_zero(site: Site) -> None:
    site.record([look(site.meter, 0, energy_wh=6170)])
    row = Reading.objects.values().get()
    shown = {name for name, value in row.items() if value is not None}
    assert shown == {"meter_id", "taken_ms", "energy_wh"}


def test_the_same_batch_again_adds_nothing(site: Site) -> None:
    batch = [look(site.meter, minutes, **FULL | {"energy_wh": minutes}) for minutes in range(0, 300, 30)]
    assert [site.record(batch).added, site.record(batch).added] == [10, 0]
    assert len(stored()) == 10


def test_a_batch_of_which_half_is_known_adds_the_other_half(site: Site) -> None:
    batch = [look(site.meter, minutes, **FULL | {"energy_wh": minutes}) for minutes in range(0, 300, 30)]
    site.record(batch[::2])
    assert site.record(batch).added == 5
    assert [row[2] for row in stored()] == list(range(0, 300, 30))


def test_the_first_word_about_a_moment_stays(site: Site) -> None:
    site.record([look(site.meter, 0, energy_wh=100)])
    site.record([look(site.meter, 0, energy_wh=999)])
    assert [row[2] for row in stored()] == [100]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_however_often_and_in_whatever_pieces_it_comes_it_is_once(site: Site, data: st.DataObject) -> None:
    Reading.objects.all().delete()
    meters = [site.meter, *(m for m in site.gateway.buses.get().meters.exclude(pk=site.meter.pk))]
    if len(meters) == 1:
        meters.append(site.add("0300010402"))
    made = [
        look(meter, 30 * n, **(FULL | {"energy_wh": n} if n % 3 else {"energy_wh": n, "balance_fen": n}))
        for meter in meters
        for n in range(6)
    ]
    pieces = data.draw(st.lists(st.lists(st.sampled_from(made), max_size=8), max_size=5))
    added = sum(site.record(piece, minutes=300).added for piece in pieces)
    seen = {(one.meter, one.taken_at_ms) for piece in pieces for one in piece}
    assert added == len(stored()) == len(seen)
    assert {(Reading.objects.get(pk=row[:2]).meter.number, row[1]) for row in stored()} == seen


def test_a_look_at_the_status_alone_is_no_row(site: Site) -> None:
    assert site.record([look(site.meter, 0, balance_fen=100, relay_closed=1)]).added == 0
    assert stored() == []
    assert site.state().balance_fen == 100
    assert not Dirty.objects.exists()


def test_meters_of_another_gateway_and_unknown_ones_are_named_and_the_rest_is_taken(site: Site) -> None:
    batch = [look(number, 0, energy_wh=1) for number in ("9900000001", "0300010401", "0000000000", "0000000000")]
    recorded = site.record(batch)
    assert (recorded.added, recorded.foreign) == (1, ("0000000000", "9900000001"))
    assert [row[0] for row in stored()] == [site.meter.pk]
    assert not MeterState.objects.filter(meter=site.strange).exists()


def test_history_may_be_taken_for_every_meter(site: Site) -> None:
    batch = [look(number, 0, energy_wh=1) for number in ("9900000001", "0300010401")]
    recorded = record_readings(batch, gateway=None, now=site_now())
    assert (recorded.added, recorded.foreign) == (2, ())


def site_now() -> object:
    from domain.metering.site import at

    return at(60)


@pytest.mark.parametrize(
    "bad",
    [
        {"energy_wh": 2**63},
        {"energy_wh": 2**64},
        {"energy_wh": 1, "bought_fen": -(2**63) - 1},
        {"balance_fen": 2**64},
    ],
)
def test_a_number_that_no_column_holds_is_left_out_and_named(site: Site, bad: dict[str, int]) -> None:
    other = site.add("0300010402")
    batch = [look(site.meter, 0, **bad), look(site.meter, 30, energy_wh=5), look(other, 0, **FULL)]
    recorded = site.record(batch)
    assert (recorded.added, recorded.unreadable, recorded.foreign) == (2, ("0300010401",), ())
    assert sorted(row[2] or 0 for row in stored()) == [5, 6170]


@pytest.mark.parametrize("name", ["power_w", "purchase_count", "balance_fen", "voltage_a_v", "relay_closed"])
def test_a_number_too_wide_for_a_narrow_column_never_stops_the_batch(site: Site, name: str) -> None:
    """PostgreSQL has narrow columns and leaves such a reading out; SQLite keeps it. The others are taken on both."""
    other = site.add("0300010402")
    site.record([look(site.meter, 0, **FULL | {name: 2**40}), look(other, 0, **FULL)])
    assert other.pk in {row[0] for row in stored()}
    assert site.state(other).power_w == 1234


def test_a_reading_from_the_future_is_left_out_and_named(site: Site) -> None:
    ahead = FUTURE_MS_MAX / 60_000
    batch = [look(site.meter, 1 + ahead, energy_wh=9), look(site.meter, ahead - 1, energy_wh=2)]
    recorded = site.record(batch, minutes=0)
    assert (recorded.added, recorded.unreadable) == (1, ("0300010401",))
    assert site.state().energy_wh == 2


def test_an_empty_batch_is_nothing(site: Site) -> None:
    recorded = site.record([])
    assert (recorded.added, recorded.foreign, recorded.unreadable) == (0, (), ())
