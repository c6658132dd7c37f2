"""Who logs in to the demo. The password is published, and refused outside the demo (`server/checks.py`)."""

from __future__ import annotations

from typing import NamedTuple

PASSWORD = "prewatt-demo"  # noqa: S105
TENANT, TENANT_PASSWORD = "C0043", "246810"


class LogIn(NamedTuple):
    username: str
    name: str
    role: str
    title: str


LOG_INS = (
    LogIn("cashier", "林晓岚", "cashier", "售电员 cashier"),
    LogIn("manager", "陈立", "admin", "经理 manager, may do everything"),
    LogIn("finance", "何敏", "finance", "财务 finance"),
    LogIn("engineer", "吴工", "engineer", "工程 engineer"),
    LogIn("viewer", "周宁", "viewer", "只读 read-only"),
)
