from django.db import migrations


class Migration(migrations.Migration):
    """The console shows them too: their tables move to the estate as they are."""

    dependencies = [("fieldapi", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AlterModelTable("enrolmentcode", "estate_enrolmentcode"),
                migrations.AlterModelTable("gatewayevent", "estate_gatewayevent"),
            ],
            state_operations=[
                migrations.DeleteModel("EnrolmentCode"),
                migrations.DeleteModel("GatewayEvent"),
            ],
        ),
    ]
