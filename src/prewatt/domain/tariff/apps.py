from django.apps import AppConfig


class TariffConfig(AppConfig):
    name = "prewatt.domain.tariff"
    label = "tariff"
    default_auto_field = "django.db.models.BigAutoField"
