"""The days of all meters together, filled from the closed days that are there."""

from typing import Any, ClassVar

from django.db import migrations, models


def fill(_apps: Any, editor: Any) -> None:
    editor.execute(
        "INSERT INTO metering_usageofall (day, energy_wh, deducted_fen, meters) "
        "SELECT day, SUM(energy_wh), COALESCE(SUM(deducted_fen), 0), COUNT(*) FROM metering_usageday GROUP BY day"
    )


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("metering", "0007_what_the_platform_charged"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="UsageOfAll",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("energy_wh", models.BigIntegerField()),
                ("deducted_fen", models.BigIntegerField()),
                ("meters", models.IntegerField()),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
