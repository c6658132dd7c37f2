"""A count that a power cut tore off proven money is followed without a person.

SQLite makes the table anew for this, and its guards go with the old one: they are laid again.
"""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLE = "dispatch_countcorrection"


def guard(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "sqlite":
        return
    for act, why in (("UPDATE", "corrections are new rows"), ("DELETE", "nothing is deleted")):
        schema_editor.execute(
            f"CREATE TRIGGER IF NOT EXISTS immutable_{TABLE}_{act.lower()} BEFORE {act} ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{TABLE} is immutable here: {why}'); END",
            params=None,
        )


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0002_guards"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AlterField(
            model_name="countcorrection",
            name="operator",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(guard, elidable=False),
    ]
