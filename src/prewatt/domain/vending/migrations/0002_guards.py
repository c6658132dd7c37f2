"""What was sold, refunded or reversed never changes; a receipt number once given stays; a series counts up by one."""

from typing import Any

from django.db import migrations

_BACK = "id, opening_id, meter_id, customer_id, operator_id, amount_fen, tender, from_wallet, note, asked_at"
FIXED = {
    "vending_sale": (
        "id, series, number, opening_id, meter_id, customer_id, operator_id, amount_fen, tender, first, balance_before_fen, sold_at, business_day"
    ),
    "vending_refund": _BACK + ", sale_id",
    "vending_reversal": _BACK + ", sale_id",
}
NO_DELETE = (*FIXED, "vending_series")
NUMBERED = ("vending_refund", "vending_reversal")


def sqlite() -> list[str]:
    return [
        *(
            f"CREATE TRIGGER immutable_{table}_update BEFORE UPDATE OF {columns} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is immutable here: corrections are new rows'); END"
            for table, columns in FIXED.items()
        ),
        *(
            f"CREATE TRIGGER immutable_{table}_delete BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is immutable here: nothing is deleted'); END"
            for table in NO_DELETE
        ),
        *(
            f"CREATE TRIGGER immutable_{table}_number BEFORE UPDATE OF series, number, business_day ON {table} "
            f"WHEN OLD.number IS NOT NULL BEGIN SELECT RAISE(ABORT, 'a receipt number once given stays'); END"
            for table in NUMBERED
        ),
        "CREATE TRIGGER immutable_vending_series_step BEFORE UPDATE ON vending_series WHEN NEW.last <> OLD.last + 1 "
        "BEGIN SELECT RAISE(ABORT, 'a receipt series counts up by one'); END",
    ]


def postgres() -> list[str]:
    refuse = "FOR EACH ROW {} EXECUTE FUNCTION prewatt_immutable()"
    return [
        *(
            f"CREATE TRIGGER immutable_{table}_update BEFORE UPDATE OF {columns} ON {table} {refuse.format('')}"
            for table, columns in FIXED.items()
        ),
        *(
            f"CREATE TRIGGER immutable_{table}_delete BEFORE DELETE ON {table} {refuse.format('')}"
            for table in NO_DELETE
        ),
        *(
            f"CREATE TRIGGER immutable_{table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION prewatt_immutable()"
            for table in NO_DELETE
        ),
        *(
            f"CREATE TRIGGER immutable_{table}_number BEFORE UPDATE OF series, number, business_day ON {table} "
            + refuse.format("WHEN (OLD.number IS NOT NULL)")
            for table in NUMBERED
        ),
        "CREATE TRIGGER immutable_vending_series_step BEFORE UPDATE ON vending_series "
        + refuse.format("WHEN (NEW.last <> OLD.last + 1)"),
    ]


def lay(_apps: Any, schema_editor: Any) -> None:
    for statement in postgres() if schema_editor.connection.vendor == "postgresql" else sqlite():
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("vending", "0001_initial"), ("ledger", "0002_immutable")]
    operations = [migrations.RunPython(lay, elidable=False)]
