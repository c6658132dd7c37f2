"""The database refuses to change or remove what two people accepted."""

from typing import Any

from django.db import migrations

TABLE = "reconciliation_acceptance"
SQLITE = [
    f"CREATE TRIGGER immutable_{TABLE}_{verb.lower()} BEFORE {verb} ON {TABLE} "
    f"BEGIN SELECT RAISE(ABORT, '{TABLE} is immutable: another acceptance turns it round'); END"
    for verb in ("UPDATE", "DELETE")
]
# The function is the ledger's own (its migration 0002).
POSTGRES = [
    f"CREATE TRIGGER immutable_{TABLE} BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION prewatt_immutable()",
    f"CREATE TRIGGER immutable_{TABLE}_truncate BEFORE TRUNCATE ON {TABLE} EXECUTE FUNCTION prewatt_immutable()",
]


def lay(_apps: Any, schema_editor: Any) -> None:
    for statement in POSTGRES if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0002_what_was_accepted"), ("ledger", "0002_immutable")]
    operations = [migrations.RunPython(lay, elidable=False)]
