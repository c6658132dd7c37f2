from django.apps import AppConfig


class CutoffConfig(AppConfig):
    name = "prewatt.domain.cutoff"
    label = "cutoff"
    default_auto_field = "django.db.models.BigAutoField"
