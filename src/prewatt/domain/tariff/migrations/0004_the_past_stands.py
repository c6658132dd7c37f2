"""The database keeps versions of plans and changes of plan as they are; a version may be withdrawn, once."""

from typing import Any

from django.db import migrations

VERSION, CHANGE = "tariff_planversion", "tariff_planchange"
FIXED = "id, plan_id, number, effective_from, document, note, key, created_at, created_by_id"
WITHDRAWN = "OLD.withdrawn_at IS NOT NULL"


def sqlite() -> list[str]:
    abort = "BEGIN SELECT RAISE(ABORT, '{} is immutable: what was charged is never priced again'); END"
    return [
        f"CREATE TRIGGER immutable_{VERSION}_update BEFORE UPDATE OF {FIXED} ON {VERSION} {abort.format(VERSION)}",
        f"CREATE TRIGGER immutable_{VERSION}_withdrawn BEFORE UPDATE ON {VERSION} WHEN {WITHDRAWN} {abort.format(VERSION)}",
        f"CREATE TRIGGER immutable_{VERSION}_delete BEFORE DELETE ON {VERSION} {abort.format(VERSION)}",
        f"CREATE TRIGGER immutable_{CHANGE}_update BEFORE UPDATE ON {CHANGE} {abort.format(CHANGE)}",
        f"CREATE TRIGGER immutable_{CHANGE}_delete BEFORE DELETE ON {CHANGE} {abort.format(CHANGE)}",
    ]


def postgres() -> list[str]:
    """The function is the ledger's own (its migration 0002)."""
    row, refuse = "FOR EACH ROW", "EXECUTE FUNCTION prewatt_immutable()"
    return [
        f"CREATE TRIGGER immutable_{VERSION}_update BEFORE UPDATE OF {FIXED} ON {VERSION} {row} {refuse}",
        f"CREATE TRIGGER immutable_{VERSION}_withdrawn BEFORE UPDATE ON {VERSION} {row} WHEN ({WITHDRAWN}) {refuse}",
        f"CREATE TRIGGER immutable_{VERSION}_delete BEFORE DELETE ON {VERSION} {row} {refuse}",
        f"CREATE TRIGGER immutable_{VERSION}_truncate BEFORE TRUNCATE ON {VERSION} {refuse}",
        f"CREATE TRIGGER immutable_{CHANGE} BEFORE UPDATE OR DELETE ON {CHANGE} {row} {refuse}",
        f"CREATE TRIGGER immutable_{CHANGE}_truncate BEFORE TRUNCATE ON {CHANGE} {refuse}",
    ]


def lay(_apps: Any, schema_editor: Any) -> None:
    for statement in postgres() if schema_editor.connection.vendor == "postgresql" else sqlite():
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("tariff", "0003_what_is_known_of_the_past"), ("ledger", "0002_immutable")]
    operations = [migrations.RunPython(lay, elidable=False)]
