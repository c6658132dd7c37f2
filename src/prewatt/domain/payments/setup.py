"""How the site's channels are set up: from the environment or files first, else as an operator typed them in.

Secrets are sealed at rest under the machine's own passphrase, as the keys of gateways are, and leave here only into a
channel: no page, log or export shows them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from prewatt.domain.payments import alipay, unionpay, wechat
from prewatt.domain.payments.asking import new_client
from prewatt.domain.payments.channel import Channel
from prewatt.domain.payments.models import ChannelSetup, Provider
from prewatt.domain.payments.refusals import PaymentRefused
from prewatt.domain.staff import operations as staff
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending.checks import NoRight
from prewatt.link import keys

if TYPE_CHECKING:
    from prewatt.domain.staff.models import Operator

VALUE_MAX = 16_384


class SetupIncomplete(PaymentRefused):
    code = "setup_incomplete"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a provider hands out. `long`: PEM text. What is not `needed` has a default."""

    name: str
    secret: bool = False
    long: bool = False
    needed: bool = True


FIELDS: dict[str, tuple[Field, ...]] = {
    Provider.ALIPAY: (
        Field("app_id"),
        Field("seller_id"),
        Field("public_key", long=True),
        Field("private_key", secret=True, long=True),
        Field("gateway", needed=False),
    ),
    Provider.WECHAT: (
        Field("merchant_id"),
        Field("app_id"),
        Field("serial"),
        Field("platform_serial"),
        Field("platform_key", long=True),
        Field("private_key", secret=True, long=True),
        Field("api_v3_key", secret=True),
        Field("app_secret", secret=True, needed=False),
        Field("base", needed=False),
        Field("login", needed=False),
        Field("openid", needed=False),
    ),
    Provider.UNIONPAY: (
        Field("merchant_id"),
        Field("certificate", long=True),
        Field("middle", long=True),
        Field("root", long=True),
        Field("private_key", secret=True, long=True),
        Field("subject", needed=False),
        Field("gateway", needed=False),
        Field("files", needed=False),
    ),
}


def _environment(channel: str, name: str) -> str:
    """The variable of channel and name, or the file that `…_FILE` names."""
    variable = f"PREWATT_PAY_{channel}_{name}".upper()
    if value := os.environ.get(variable):
        return value
    if path := os.environ.get(f"{variable}_FILE"):
        with suppress(OSError, ValueError):
            return Path(path).read_text(encoding="utf-8").strip()[:VALUE_MAX]
    return ""


def from_environment(channel: str) -> dict[str, str]:
    known = {field.name: _environment(channel, field.name) for field in FIELDS[channel]}
    return {name: value for name, value in known.items() if value}


def values(channel: str) -> dict[str, str]:
    """Everything, secrets too: for a channel and for nobody else. Empty while it is off or not whole."""
    row = ChannelSetup.objects.filter(pk=channel).first()
    given = from_environment(channel)
    if (row is None or not row.on) and not (row is None and given):
        return {}
    kept = {**row.values, **_opened(row)} if row is not None else {}
    found = {**kept, **given}
    return {} if lacking(channel, found) else found


def lacking(channel: str, found: Mapping[str, str]) -> list[str]:
    return [field.name for field in FIELDS[channel] if field.needed and not found.get(field.name)]


def open_channel(channel: str) -> Channel | None:
    """The channel as it is set up now; None while it is off or not whole."""
    found = values(channel)
    return _made(channel, json.dumps(found, sort_keys=True)) if found else None


@lru_cache(maxsize=8)
def _made(channel: str, told: str) -> Channel | None:
    found: dict[str, str] = json.loads(told)
    client = new_client()
    try:
        match channel:
            case Provider.ALIPAY:
                return alipay.Alipay(alipay.Settings(**found), client)
            case Provider.WECHAT:
                found["platform"] = {found.pop("platform_serial"): found.pop("platform_key")}  # type: ignore[assignment]
                return wechat.WeChat(wechat.Settings(**found), client)  # type: ignore[arg-type]
            case _:
                found.setdefault("notify_url", f"{settings.PUBLIC_URL}/paying/unionpay")
                return unionpay.UnionPay(unionpay.Settings(**found), client)
    except (ValueError, TypeError):  # a key that is none; the page refuses it, the environment may still hold one
        return None


@transaction.atomic
def change(
    *, channel: str, on: bool, given: Mapping[str, str], operator: Operator, now: datetime, address: str = ""
) -> ChannelSetup:
    """Keep what was typed. An empty secret stays as it is. Switched on, it must be whole and its keys must be keys."""
    if not (operator.is_active and operator.may(Right.SETTINGS) and operator.all_buildings):
        said = _("%(who)s may not change settings. Nothing was changed. Ask an administrator.")
        raise NoRight(said % {"who": operator.username})
    row = ChannelSetup.objects.select_for_update().filter(pk=channel).first() or ChannelSetup(channel=channel)
    opened = _opened(row)
    plain, secret = dict(row.values), dict(opened)
    for field in FIELDS[channel]:
        value = given.get(field.name, "").strip()[:VALUE_MAX]
        if not field.secret:
            plain[field.name] = value
        elif value:
            secret[field.name] = value
    plain = {name: value for name, value in plain.items() if value}
    _check(channel, on, {**plain, **secret, **from_environment(channel)})
    before = {"on": row.on, **row.values}
    other = [name for name in sorted(secret) if secret[name] != opened.get(name)]
    row.on, row.values, row.changed_at = on, plain, now
    row.sealed, row.secret_names = _sealed(channel, secret), sorted(secret)
    row.save()
    staff.log(
        operator=operator,
        action="payment.setup",
        target=f"channel {channel}",
        before=before,
        after={"on": on, **plain, "secrets_changed": other},
        address=address,
        now=now,
    )
    return row


def _check(channel: str, on: bool, found: Mapping[str, str]) -> None:
    if not on:
        return
    if missing := lacking(channel, found):
        said = _("These are missing: %(names)s. Nothing was changed. Type them in, or leave the channel off.")
        raise SetupIncomplete(said % {"names": ", ".join(missing)})
    if _made(channel, json.dumps(dict(found), sort_keys=True)) is None:
        said = _("One of the keys cannot be read. Nothing was changed. Paste it whole, with its first and last line.")
        raise SetupIncomplete(said)


def _passphrase() -> str:
    return os.environ.get("PREWATT_MASTER_KEY") or settings.SECRET_KEY


def _sealed(channel: str, secret: Mapping[str, str]) -> bytes:
    return keys.wrap(json.dumps(dict(secret)).encode(), _passphrase(), context=_context(channel)) if secret else b""


def _opened(row: ChannelSetup, passphrase: str | None = None) -> dict[str, str]:
    """Sealed under another passphrase: as good as not there; the page says which are missing."""
    with suppress(keys.KeyUnusable):
        if row.sealed:
            used = _passphrase() if passphrase is None else passphrase
            plain = keys.unwrap(bytes(row.sealed), used, context=_context(row.pk))
            found: dict[str, str] = json.loads(plain)
            return found
    return {}


@transaction.atomic
def rewrap(old: str | None) -> None:
    """After a restore: secrets under this machine's passphrase, from the one that the backup brought, if it did."""
    for row in ChannelSetup.objects.exclude(sealed=b""):
        secret = _opened(row) or (_opened(row, old) if old else {})
        row.sealed, row.secret_names = _sealed(row.pk, secret), sorted(secret)
        row.save(update_fields=["sealed", "secret_names"])


def _context(channel: str) -> str:
    return f"payment channel {channel}"
