from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "prewatt.domain.webhooks"
    label = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"
