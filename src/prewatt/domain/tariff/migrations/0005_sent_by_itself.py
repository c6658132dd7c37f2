from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLE = "tariff_planversion"


def lay(_apps: Any, schema_editor: Any) -> None:
    """Who wants it sent is as fixed as the rest."""
    head = f"CREATE TRIGGER immutable_{TABLE}_send BEFORE UPDATE OF send_by_id ON {TABLE}"
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"{head} FOR EACH ROW EXECUTE FUNCTION prewatt_immutable()", params=None)
    else:
        schema_editor.execute(f"{head} BEGIN SELECT RAISE(ABORT, '{TABLE} is immutable'); END", params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("tariff", "0004_the_past_stands"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            model_name="planversion",
            name="send_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.RunPython(lay, elidable=False),
    ]
