from django.urls import path

from prewatt.web.paying import views

app_name = "paying"
urlpatterns = [path("<slug:channel>", views.notice, name="notice")]
