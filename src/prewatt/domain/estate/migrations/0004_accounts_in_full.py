from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("estate", "0003_one_address_a_bus"),
    ]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="password",
            field=models.CharField(blank=True, max_length=128),
        ),
        migrations.AddField(
            model_name="opening",
            name="use",
            field=models.CharField(blank=True, max_length=32, verbose_name="kind of use"),
        ),
        migrations.AddField(
            model_name="opening",
            name="alarm1_notify",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="opening",
            name="alarm2_notify",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="opening",
            name="texts",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="opening",
            name="inactive",
            field=models.BooleanField(default=False),
        ),
    ]
