"""What an operator may do. A role is a set of rights; the five ready roles are a start, not a limit."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Right(models.TextChoices):
    READ = "read", _("read meters, customers and their figures")
    SELL = "sell", _("sell electricity")
    REFUND = "refund", _("refund")
    REVERSE = "reverse", _("reverse a sale")
    DECIDE = "decide", _("decide unclear orders")
    OPEN_ACCOUNT = "open_account", _("open and close accounts")
    SWITCH = "switch", _("switch power on and off")
    HOLD = "hold", _("hold power and release it")
    METER_ORDERS = "meter_orders", _("send prices, limits and clock; read now")
    REPORTS = "reports", _("reports and exports")
    SETTINGS = "settings", _("estate, prices and settings")
    STAFF = "staff", _("operators and roles")
    AUDIT = "audit", _("operation log and audit")


READY_ROLES: dict[str, tuple[str, frozenset[Right]]] = {
    "admin": ("系统管理员", frozenset(Right)),
    "finance": (
        "财务",
        frozenset({Right.READ, Right.SELL, Right.REFUND, Right.REVERSE, Right.DECIDE, Right.REPORTS, Right.AUDIT}),
    ),
    "cashier": ("售电员", frozenset({Right.READ, Right.SELL, Right.OPEN_ACCOUNT, Right.REPORTS})),
    "engineer": (
        "工程",
        frozenset({Right.READ, Right.SWITCH, Right.HOLD, Right.METER_ORDERS, Right.SETTINGS, Right.REPORTS}),
    ),
    "viewer": ("只读", frozenset({Right.READ, Right.REPORTS})),
}
