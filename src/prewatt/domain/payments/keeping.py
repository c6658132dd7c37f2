"""Every message of a provider is kept as it came, believed or not."""

from __future__ import annotations

from datetime import datetime, timedelta

from prewatt.domain.payments.models import Heard, Notice, Verdict

BODY_KEPT = 16_384
FORGED_KEPT = 200  # of one channel within an hour: whoever floods the door does not fill the disk
FORGED_WITHIN = timedelta(hours=1)


def keep_forged(channel: str, why: str, body: bytes, address: str, now: datetime) -> None:
    fresh = Notice.objects.filter(channel=channel, verdict=Verdict.FORGED, at__gt=now - FORGED_WITHIN)
    if fresh.count() < FORGED_KEPT:
        said = body[:BODY_KEPT].decode("utf-8", errors="replace")
        keep(channel, Heard.NOTICE, Verdict.FORGED, now=now, says=why, body=said, address=address)


def keep(
    channel: str,
    heard: Heard,
    verdict: Verdict,
    *,
    now: datetime,
    order_no: str = "",
    says: str = "",
    amount_fen: int | None = None,
    body: str = "",
    address: str = "",
) -> Verdict:
    Notice.objects.create(
        channel=channel,
        heard=heard,
        at=now,
        address=address[:64],
        order_no=order_no[:64].replace("\x00", ""),
        verdict=verdict,
        says=says[:300].replace("\x00", ""),
        amount_fen=amount_fen,
        body=body[:BODY_KEPT].replace("\x00", ""),
    )
    return verdict
