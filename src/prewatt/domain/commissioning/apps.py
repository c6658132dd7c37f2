from django.apps import AppConfig


class CommissioningConfig(AppConfig):
    name = "prewatt.domain.commissioning"
    label = "commissioning"
    default_auto_field = "django.db.models.BigAutoField"
