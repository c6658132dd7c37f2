"""The database refuses to change the past: no UPDATE, DELETE or TRUNCATE on the ledger, and no resolution that does not fit."""

from typing import Any

from django.db import migrations

TABLES = ("ledger_account", "ledger_transfer", "ledger_seal", "ledger_dayseal", "ledger_checkpoint")

_FITS = """
    SELECT 1 FROM ledger_transfer p WHERE p.id = NEW.resolves_id AND p.kind = 'pending'
    AND p.amount_fen = NEW.amount_fen AND p.debit_id = NEW.debit_id AND p.credit_id = NEW.credit_id
"""


def sqlite(table: str) -> list[str]:
    return [
        f"CREATE TRIGGER immutable_{table}_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is immutable: corrections are new rows'); END"
        for verb in ("UPDATE", "DELETE")
    ]


SQLITE_FITS = f"""
CREATE TRIGGER immutable_ledger_transfer_fits BEFORE INSERT ON ledger_transfer
WHEN NEW.resolves_id IS NOT NULL AND NOT EXISTS ({_FITS})
BEGIN SELECT RAISE(ABORT, 'ledger_transfer: a resolution repeats its pending transfer'); END
"""

POSTGRES_FUNCTIONS = f"""
CREATE FUNCTION prewatt_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is immutable: corrections are new rows', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE FUNCTION prewatt_ledger_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS ({_FITS}) THEN
        RAISE EXCEPTION 'ledger_transfer: a resolution repeats its pending transfer' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER immutable_ledger_transfer_fits BEFORE INSERT ON ledger_transfer
FOR EACH ROW WHEN (NEW.resolves_id IS NOT NULL) EXECUTE FUNCTION prewatt_ledger_fits();
"""


def postgres(table: str) -> list[str]:
    return [
        f"CREATE TRIGGER immutable_{table} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION prewatt_immutable()",
        f"CREATE TRIGGER immutable_{table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION prewatt_immutable()",
    ]


def lay(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES_FUNCTIONS, params=None)
        statements = [one for table in TABLES for one in postgres(table)]
    else:
        statements = [one for table in TABLES for one in sqlite(table)] + [SQLITE_FITS]
    for statement in statements:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunPython(lay, elidable=False)]
