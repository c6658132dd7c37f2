from django.urls import path

from prewatt.web.kiosk.views import pay, show, start

app_name = "kiosk"
urlpatterns = [
    path("", start.start, name="start"),
    path("login/<slug:wish>/", start.log_in, name="login"),
    path("leave/", start.leave, name="leave"),
    path("language/", start.language, name="language"),
    path("<int:pk>/balance/", show.balance, name="balance"),
    path("<int:pk>/receipts/", show.receipts, name="receipts"),
    path("<int:pk>/power/", show.power, name="power"),
    path("receipts/<slug:receipt>/", show.receipt, name="receipt"),
    path("<int:pk>/pay/", pay.index, name="pay"),
    path("paid/<slug:order_id>/", pay.paid, name="paid"),
    path("paid/<slug:order_id>/progress/", pay.progress, name="paid-progress"),
]
