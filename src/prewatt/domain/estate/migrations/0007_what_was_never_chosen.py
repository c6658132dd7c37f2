from typing import Any

from django.db import migrations
from django.db.models import Max

SHIPPED_SWEEP_S = 1800


def inherit(apps: Any, _schema_editor: Any) -> None:
    """Half an hour was the shipped interval: a bus that has it never chose one. Gateways keep their key's version."""
    apps.get_model("estate", "Bus").objects.filter(sweep_s=SHIPPED_SWEEP_S).update(sweep_s=None)
    keys = apps.get_model("fieldapi", "GatewayKey").objects.values("gateway").annotate(newest=Max("version"))
    for row in keys:
        apps.get_model("estate", "Gateway").objects.filter(pk=row["gateway"]).update(key_version=row["newest"])


class Migration(migrations.Migration):
    dependencies = [("estate", "0006_settings")]

    operations = [migrations.RunPython(inherit, migrations.RunPython.noop)]
