"""A meter's months as rows of their own, filled from the closed days that are there."""

from typing import Any, ClassVar

import django.db.models.deletion
from django.db import migrations, models


def fill(_apps: Any, editor: Any) -> None:
    first = (
        "date_trunc('month', day)::date" if editor.connection.vendor == "postgresql" else "date(day, 'start of month')"
    )
    editor.execute(
        "INSERT INTO metering_usagemonth (meter_id, month, energy_wh, deducted_fen, days) "  # noqa: S608 - ours
        f"SELECT meter_id, {first}, SUM(energy_wh), SUM(deducted_fen), COUNT(*) FROM metering_usageday GROUP BY 1, 2"
    )


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("estate", "0008_ratio_changes"),
        ("metering", "0002_sums_of_buildings"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="UsageMonth",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "meter_id", "month", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("month", models.DateField()),
                ("energy_wh", models.BigIntegerField()),
                ("deducted_fen", models.BigIntegerField(null=True)),
                (
                    "meter",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="estate.meter",
                    ),
                ),
                ("days", models.SmallIntegerField()),
            ],
            options={"indexes": [models.Index(fields=["month"], name="metering_month_month")]},
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
