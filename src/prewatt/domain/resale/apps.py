from django.apps import AppConfig


class ResaleConfig(AppConfig):
    name = "prewatt.domain.resale"
    label = "resale"
    default_auto_field = "django.db.models.BigAutoField"
