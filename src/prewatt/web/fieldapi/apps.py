from django.apps import AppConfig


class FieldapiConfig(AppConfig):
    name = "prewatt.web.fieldapi"
    label = "fieldapi"
