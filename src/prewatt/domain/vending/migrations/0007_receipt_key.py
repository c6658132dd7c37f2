"""The key that seals receipts is made once, with its table, so that every backup has it."""

import os
from typing import Any

from django.db import migrations, models


def make(apps: Any, _schema_editor: Any) -> None:
    apps.get_model("vending", "ReceiptKey").objects.create(pk=1, secret=os.urandom(32))


class Migration(migrations.Migration):
    dependencies = [("vending", "0006_presets")]

    operations = [
        migrations.CreateModel(
            name="ReceiptKey",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("secret", models.BinaryField(max_length=32)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="vending_receipt_key_one")]
            },
        ),
        migrations.RunPython(make, migrations.RunPython.noop, elidable=False),
    ]
