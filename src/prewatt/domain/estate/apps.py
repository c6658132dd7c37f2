from django.apps import AppConfig


class EstateConfig(AppConfig):
    name = "prewatt.domain.estate"
    label = "estate"
    default_auto_field = "django.db.models.BigAutoField"
