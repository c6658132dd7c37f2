from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "prewatt.web.console"
    label = "console"
