from django.urls import URLPattern

app_name = "fieldapi"
urlpatterns: list[URLPattern] = []
