from __future__ import annotations

from typing import Any

import pytest

from domain.metering.site import Site, at, days, hours, look
from prewatt.domain.estate.models import RatioChange
from prewatt.domain.estate.operations import change_meter
from prewatt.domain.metering.ratios import Ratios


@pytest.fixture
def engineer(site: Site) -> Any:
    from django.utils import timezone

    from prewatt.domain.staff.models import Operator
    from prewatt.domain.staff.operations import ready_roles

    return Operator.objects.create(username="e", role=ready_roles()["engineer"], created_at=timezone.now())


def steadily(site: Site, first: int, last: int) -> None:
    """60 Wh a minute on the register, read every half hour."""
    site.record([look(site.meter, minutes, energy_wh=60 * minutes) for minutes in range(first, last + 1, 30)])


def test_hours_before_it_keep_the_old_one_and_the_hour_itself_is_divided(site: Site, engineer: Any) -> None:
    steadily(site, 0, 90)
    site.close(90)
    change_meter(meter=site.meter, operator=engineer, now=at(100), ct_ratio=10)
    steadily(site, 120, 180)
    site.close(180)
    # of the second hour 40 minutes at 1, 20 minutes at 10
    assert {hour: wh for hour, (wh, _filled) in hours(site.meter).items()} == {0: 3_600, 1: 2_400 + 12_000, 2: 36_000}


def test_what_is_read_late_counts_with_the_ratio_of_its_time(site: Site, engineer: Any) -> None:
    """The line was down: what the gateway kept comes after the change."""
    steadily(site, 0, 0)
    site.close(0)
    change_meter(meter=site.meter, operator=engineer, now=at(120), ct_ratio=10)
    steadily(site, 30, 180)
    site.close(180)
    assert {hour: wh for hour, (wh, _filled) in hours(site.meter).items()} == {0: 3_600, 1: 3_600, 2: 36_000}


def test_a_day_is_divided_as_its_hours_are(site: Site, engineer: Any) -> None:
    steadily(site, 0, 720)
    change_meter(meter=site.meter, operator=engineer, now=at(720), ct_ratio=10)
    steadily(site, 750, 1_500)
    site.close(1_500)
    assert days(site.meter)[1].energy_wh == 60 * 720 * 1 + 60 * 720 * 10


def test_other_changes_leave_no_trace(site: Site, engineer: Any) -> None:
    change_meter(meter=site.meter, operator=engineer, now=at(1), remark="new door", ct_ratio=1)
    assert not RatioChange.objects.exists()


def test_several_changes_within_an_hour() -> None:
    ratios = Ratios(latest=7, before=((10, 2), (20, 3), (20, 5)))
    assert ratios.energy(lambda at_ms: at_ms, 0, 30) == 10 * 2 + 10 * 3 + 10 * 7
    assert ratios.energy(lambda at_ms: at_ms, 12, 15) == 9
    assert ratios.energy(lambda at_ms: at_ms, 25, 26) == 7
