from django.apps import AppConfig


class VendingConfig(AppConfig):
    name = "prewatt.domain.vending"
    label = "vending"
    default_auto_field = "django.db.models.BigAutoField"
