"""Plans that are there already get their first version: it holds from when their prices were changed last.

What they cost before is not known here, so nothing says it: use of that time has no price rather than a wrong one.
"""

from datetime import timedelta
from typing import Any

from django.db import migrations

from prewatt.domain.tariff.rules.five import document_of

PRICES = tuple(f"price_{band}_e4" for band in ("sharp", "peak", "flat", "valley", "deep"))


def fill(apps: Any, _schema_editor: Any) -> None:
    plan, version, use, change = (
        apps.get_model("tariff", name) for name in ("Plan", "PlanVersion", "PlanUse", "PlanChange")
    )
    for one in plan.objects.all():
        prices = {name: getattr(one, name) for name in PRICES}
        at = one.changed_at
        version.objects.create(
            plan=one,
            number=1,
            effective_from=at.replace(microsecond=0) + timedelta(seconds=bool(at.microsecond)),
            document=document_of(name=one.name, prices=prices, flat=one.kind == "flat"),
            created_at=at,
            created_by_id=one.created_by_id,
        )
    plan.objects.update(version=1)
    for one in use.objects.order_by("meter"):
        change.objects.create(meter_id=one.meter_id, plan_id=one.plan_id, since=one.since, operator_id=one.operator_id)


class Migration(migrations.Migration):
    dependencies = [("tariff", "0002_versions")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=False)]
