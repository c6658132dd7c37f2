from django.apps import AppConfig


class TenantConfig(AppConfig):
    name = "prewatt.web.tenant"
    label = "tenant"
