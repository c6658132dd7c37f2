from django.urls import path

from prewatt.web.fieldapi import views

app_name = "fieldapi"
urlpatterns = [
    path("enrol", views.enrol, name="enrol"),
    path("batch", views.batch, name="batch"),
    path("orders", views.orders, name="orders"),
    path("config", views.config, name="config"),
]
