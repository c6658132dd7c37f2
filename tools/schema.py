"""Write src/prewatt/server/schema.sql from the migrations. After adding one: `.venv/bin/python tools/schema.py`."""

from __future__ import annotations

import os
from pathlib import Path

os.environ |= {"PREWATT_DATABASE": "sqlite:///:memory:", "DJANGO_SETTINGS_MODULE": "prewatt.server.settings"}
os.environ.setdefault("PREWATT_SECRET_KEY", "nothing here is secret")

import django
from django.core.management import call_command
from django.db import connection

from prewatt.server import schema


def main() -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    Path(str(schema.SCHEMA)).write_text(schema.written(connection), encoding="utf-8")


if __name__ == "__main__":
    main()
