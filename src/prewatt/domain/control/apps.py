from django.apps import AppConfig


class ControlConfig(AppConfig):
    name = "prewatt.domain.control"
    label = "control"
    default_auto_field = "django.db.models.BigAutoField"
