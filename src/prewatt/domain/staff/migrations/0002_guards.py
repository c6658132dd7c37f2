"""The database refuses to change the operation log: no UPDATE, DELETE or TRUNCATE."""

from typing import Any

from django.db import migrations

TABLES = ("staff_logentry", "staff_logseal")

_POSTGRES_FUNCTION = """
CREATE FUNCTION prewatt_log_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is immutable', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$;
"""


def statements(vendor: str) -> list[str]:
    if vendor == "postgresql":
        rows = "CREATE TRIGGER immutable_{0} BEFORE UPDATE OR DELETE ON {0} FOR EACH ROW EXECUTE FUNCTION prewatt_log_immutable()"
        whole = "CREATE TRIGGER immutable_{0}_truncate BEFORE TRUNCATE ON {0} EXECUTE FUNCTION prewatt_log_immutable()"
        return [_POSTGRES_FUNCTION, *(text.format(table) for table in TABLES for text in (rows, whole))]
    text = "CREATE TRIGGER immutable_{0}_{1} BEFORE {1} ON {0} BEGIN SELECT RAISE(ABORT, '{0} is immutable'); END"
    return [text.format(table, verb) for table in TABLES for verb in ("update", "delete")]


def lay(_apps: Any, schema_editor: Any) -> None:
    for statement in statements(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("staff", "0001_initial")]
    operations = [migrations.RunPython(lay, elidable=False)]
