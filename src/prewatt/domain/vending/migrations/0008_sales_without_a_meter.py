"""A sale to an account that the platform bills has no order. SQLite makes the table anew: its guards are put back."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

KEPT: list[str] = []


def keep(_apps: Any, schema_editor: Any) -> None:
    KEPT.clear()
    if schema_editor.connection.vendor != "sqlite":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'vending_sale'")
        KEPT.extend(sql for (sql,) in cursor.fetchall())


def put_back(_apps: Any, schema_editor: Any) -> None:
    for statement in KEPT:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0005_restores"), ("vending", "0007_receipt_key")]

    operations = [
        migrations.RunPython(keep, elidable=False),
        migrations.AlterField(
            model_name="sale",
            name="order",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="dispatch.meterorder",
            ),
        ),
        migrations.RunPython(put_back, elidable=False),
    ]
