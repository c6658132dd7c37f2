"""A building's hours and load as rows of their own, and what each meter deducts a day; filled from what is there."""

from typing import ClassVar

import django.db.models.fields.composite
from django.db import migrations, models

HOURS = """
INSERT INTO metering_buildinghour (start_ms, place, energy_wh)
SELECT h.start_ms, COALESCE(f.building_id, 0), SUM(h.energy_wh)
FROM metering_usagehour h
JOIN estate_meter m ON m.id = h.meter_id
LEFT JOIN estate_room r ON r.id = m.room_id
LEFT JOIN estate_floor f ON f.id = r.floor_id
GROUP BY h.start_ms, COALESCE(f.building_id, 0)
"""
PER_DAY = """
UPDATE metering_meterstate SET per_day_fen = (
    SELECT CAST(SUM(d.deducted_fen) / COUNT(*) AS BIGINT) FROM (
        SELECT u.deducted_fen FROM metering_usageday u
        WHERE u.meter_id = metering_meterstate.meter_id AND u.deducted_fen IS NOT NULL
        ORDER BY u.day DESC LIMIT 7) d)
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("estate", "0003_one_address_a_bus"),
        ("metering", "0001_initial"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="BuildingHour",
            fields=[
                (
                    "pk",
                    django.db.models.fields.composite.CompositePrimaryKey(
                        "start_ms", "place", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("start_ms", models.BigIntegerField()),
                ("energy_wh", models.BigIntegerField()),
                ("place", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Quarter",
            fields=[
                (
                    "pk",
                    django.db.models.fields.composite.CompositePrimaryKey(
                        "start_ms", "place", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("start_ms", models.BigIntegerField()),
                ("power_w", models.BigIntegerField()),
                ("place", models.IntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="meterstate",
            name="per_day_fen",
            field=models.BigIntegerField(null=True),
        ),
        migrations.RunSQL(HOURS, migrations.RunSQL.noop),
        migrations.RunSQL(PER_DAY, migrations.RunSQL.noop),
    ]
