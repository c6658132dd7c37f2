"""A payment, a print and a closed shift never change; the drawer that a row belongs to, once said, stays."""

from typing import Any

from django.db import migrations

KEPT = ("vending_payment", "vending_print")  # never updated, never deleted
# table -> columns that never change, and the condition under which they do not
FIXED = {
    "vending_sale": ("payment_id, shift_id", ""),
    "vending_refund": ("shift_id", "WHEN OLD.shift_id IS NOT NULL"),
    "vending_reversal": ("shift_id", "WHEN OLD.shift_id IS NOT NULL"),
    "vending_shift": ("id, operator_id, opened_at, float_fen, business_day", ""),
}
CLOSED = "WHEN OLD.closed_at IS NOT NULL"


def _of(columns: str) -> str:
    return f"OF {columns} " if columns else ""


def updates() -> list[tuple[str, str, str, str]]:
    return [
        *((f"immutable_{table}_update", "", table, "") for table in KEPT),
        *((f"immutable_{table}_drawer", _of(columns), table, when) for table, (columns, when) in FIXED.items()),
        ("immutable_vending_shift_closed", "", "vending_shift", CLOSED),
    ]


def sqlite() -> list[str]:
    abort = "BEGIN SELECT RAISE(ABORT, '{} is immutable here: corrections are new rows'); END"
    return [
        *(
            f"CREATE TRIGGER {name} BEFORE UPDATE {columns}ON {table} {when} {abort.format(table)}"
            for name, columns, table, when in updates()
        ),
        *(
            f"CREATE TRIGGER immutable_{table}_delete BEFORE DELETE ON {table} {abort.format(table)}"
            for table in (*KEPT, "vending_shift")
        ),
    ]


def postgres() -> list[str]:
    refuse = "FOR EACH ROW {} EXECUTE FUNCTION prewatt_immutable()"
    return [
        *(
            f"CREATE TRIGGER {name} BEFORE UPDATE {columns}ON {table} {refuse.format(when.replace('WHEN ', 'WHEN (') + ')' if when else '')}"
            for name, columns, table, when in updates()
        ),
        *(
            f"CREATE TRIGGER immutable_{table}_delete BEFORE DELETE ON {table} {refuse.format('')}"
            for table in (*KEPT, "vending_shift")
        ),
        *(
            f"CREATE TRIGGER immutable_{table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION prewatt_immutable()"
            for table in (*KEPT, "vending_shift")
        ),
    ]


def lay(_apps: Any, schema_editor: Any) -> None:
    for statement in postgres() if schema_editor.connection.vendor == "postgresql" else sqlite():
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("vending", "0003_counter"), ("ledger", "0002_immutable")]
    operations = [migrations.RunPython(lay, elidable=False)]
