from django.apps import AppConfig


class AlarmsConfig(AppConfig):
    name = "prewatt.domain.alarms"
    label = "alarms"
    default_auto_field = "django.db.models.BigAutoField"
