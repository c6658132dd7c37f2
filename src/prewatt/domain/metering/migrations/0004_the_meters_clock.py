from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("metering", "0003_months_of_usage")]

    operations: ClassVar = [
        migrations.AddField(model_name="meterstate", name="clock_ms", field=models.BigIntegerField(null=True)),
    ]
