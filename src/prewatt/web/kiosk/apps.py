from django.apps import AppConfig


class KioskConfig(AppConfig):
    name = "prewatt.web.kiosk"
    label = "kiosk"
