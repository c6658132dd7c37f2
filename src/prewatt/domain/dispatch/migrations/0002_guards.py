"""What an order says never changes, a purchase count once given stays, and nothing of it is deleted. Decisions are immutable."""

from typing import Any

from django.db import migrations

FIXED = {
    "dispatch_meterorder": (
        "id, meter_id, opening_id, kind, amount_fen, cause_kind, cause_id, placed_by_id, placed_at, expires_at"
    ),
    "dispatch_decision": "",  # every column
    "dispatch_countcorrection": "",
    "dispatch_contradiction": "id, order_ref, outcome, meter_number, gateway_code, why, state, answer, first_at",
}


def sqlite(table: str, columns: str) -> list[str]:
    of = f" OF {columns}" if columns else ""
    return [
        f"CREATE TRIGGER immutable_{table}_update BEFORE UPDATE{of} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is immutable here: corrections are new rows'); END",
        f"CREATE TRIGGER immutable_{table}_delete BEFORE DELETE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is immutable here: nothing is deleted'); END",
    ]


def postgres(table: str, columns: str) -> list[str]:
    of = f" OF {columns}" if columns else ""
    return [
        f"CREATE TRIGGER immutable_{table}_update BEFORE UPDATE{of} ON {table} FOR EACH ROW EXECUTE FUNCTION prewatt_immutable()",
        f"CREATE TRIGGER immutable_{table}_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION prewatt_immutable()",
        f"CREATE TRIGGER immutable_{table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION prewatt_immutable()",
    ]


COUNT_STAYS = {
    "sqlite": (
        "CREATE TRIGGER immutable_dispatch_count BEFORE UPDATE OF count ON dispatch_meterorder "
        "WHEN OLD.count IS NOT NULL AND NEW.count IS NOT OLD.count "
        "BEGIN SELECT RAISE(ABORT, 'a purchase count once given stays'); END"
    ),
    "postgresql": (
        "CREATE TRIGGER immutable_dispatch_count BEFORE UPDATE OF count ON dispatch_meterorder FOR EACH ROW "
        "WHEN (OLD.count IS NOT NULL AND NEW.count IS DISTINCT FROM OLD.count) EXECUTE FUNCTION prewatt_immutable()"
    ),
}


def lay(_apps: Any, schema_editor: Any) -> None:
    vendor = schema_editor.connection.vendor
    per_table = postgres if vendor == "postgresql" else sqlite
    for table, columns in FIXED.items():
        for statement in per_table(table, columns):
            schema_editor.execute(statement, params=None)
    schema_editor.execute(COUNT_STAYS[vendor], params=None)


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0001_initial"), ("ledger", "0002_immutable")]
    operations = [migrations.RunPython(lay, elidable=False)]
