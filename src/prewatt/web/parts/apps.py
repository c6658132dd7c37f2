from django.apps import AppConfig


class PartsConfig(AppConfig):
    name = "prewatt.web.parts"
    label = "parts"
