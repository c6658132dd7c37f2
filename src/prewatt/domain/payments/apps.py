from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "prewatt.domain.payments"
    label = "payments"
    default_auto_field = "django.db.models.BigAutoField"
