"""A meter that moved to a bus that is not here yet: its order waits, and the gateway does not turn round and round."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from field.gateway.site import Site, recharge, run
from prewatt.field.gateway.gateway import HOMELESS_S
from prewatt.link.messages import Outcome

WAIT_S = 60.0


def test_an_order_whose_bus_is_missing_is_looked_at_now_and_then(tmp_path: Path) -> None:
    async def story() -> None:
        site = Site(tmp_path)
        away = msgspec.structs.replace(site.config.meters[0], meter="m9", unit=9, bus="b9")
        site.config = msgspec.structs.replace(site.config, meters=[*site.config.meters, away])
        site.start()
        looks = 0
        adopt = site.gateway._adopt

        async def counted() -> None:
            nonlocal looks
            looks += 1
            if looks > 1000:
                raise RuntimeError("the gateway turns round and round")
            await adopt()

        site.gateway._adopt = counted  # type: ignore[method-assign]
        site.centre.place(recharge("far", meter="m9"))
        await asyncio.sleep(WAIT_S)
        assert site.crashed is None
        assert {one.outcome for one in site.centre.answers} == {Outcome.TAKEN}
        assert looks <= 2 * WAIT_S / HOMELESS_S
        await site.stop()

    run(story())
