import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("estate", "0008_ratio_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Standing",
            fields=[
                (
                    "opening",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="standing",
                        serialize=False,
                        to="estate.opening",
                    ),
                ),
                ("rated_fen", models.BigIntegerField(default=0)),
                ("rated_until", models.DateTimeField(null=True)),
                ("at", models.DateTimeField(null=True)),
                ("refused", models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="Terms",
            fields=[
                (
                    "opening",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="platform_terms",
                        serialize=False,
                        to="estate.opening",
                    ),
                ),
                ("asked", models.CharField(max_length=64, unique=True)),
                (
                    "billing",
                    models.CharField(
                        choices=[("platform", "platform billing"), ("postpaid", "paid afterwards")], max_length=8
                    ),
                ),
                ("overdraft_fen", models.BigIntegerField(default=0)),
                ("switch_on_min_fen", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("billing__in", ["platform", "postpaid"])), name="billing_terms_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("overdraft_fen__gte", 0)), name="billing_overdraft_positive"
                    ),
                ],
            },
        ),
    ]
