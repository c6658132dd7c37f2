from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "prewatt.web.api"
    label = "api"
