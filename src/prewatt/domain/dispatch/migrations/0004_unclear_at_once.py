"""Every page asks how many orders wait for a person: among a million orders they are found at once."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("dispatch", "0003_torn_counts")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="meterorder",
            index=models.Index(
                condition=models.Q(("state", "unclear")), fields=["placed_at"], name="dispatch_order_unclear"
            ),
        ),
    ]
