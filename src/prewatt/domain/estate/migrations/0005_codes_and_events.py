import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The tables come from the gateways' door, which keeps only keys."""

    dependencies = [
        ("estate", "0004_accounts_in_full"),
        ("fieldapi", "0002_codes_and_events_belong_to_the_estate"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="EnrolmentCode",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("digest", models.CharField(max_length=64, unique=True)),
                        ("created_at", models.DateTimeField()),
                        ("expires_at", models.DateTimeField()),
                        ("used_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "gateway",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="codes", to="estate.gateway"
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="GatewayEvent",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("at", models.DateTimeField(db_index=True)),
                        ("code", models.CharField(max_length=32)),
                        ("meter_number", models.CharField(blank=True, max_length=32)),
                        ("detail", models.JSONField(default=dict)),
                        (
                            "gateway",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="events", to="estate.gateway"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("gateway", "at", "code", "meter_number"), name="fieldapi_event_once"
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
