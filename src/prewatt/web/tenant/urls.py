from django.urls import path

from prewatt.web.tenant.views import home, login, more, pay, shell, switch, use

app_name = "tenant"
urlpatterns = [
    path("", home.index, name="index"),
    path("login/", login.log_in, name="login"),
    path("login/phone/", login.by_phone, name="login-phone"),
    path("login/code/", login.by_code, name="login-code"),
    path("logout/", login.log_out, name="logout"),
    path("language/", login.language, name="language"),
    path("manifest.webmanifest", shell.manifest, name="manifest"),
    path("sw.js", shell.worker, name="worker"),
    path("offline/", shell.offline, name="offline"),
    path("receipts/<slug:receipt>/", more.receipt, name="receipt"),
    path("<int:pk>/", home.home, name="home"),
    path("<int:pk>/live/", home.live, name="live"),
    path("<int:pk>/use/", use.index, name="use"),
    path("<int:pk>/why/", use.why, name="why"),
    path("<int:pk>/purchases/", more.purchases, name="purchases"),
    path("<int:pk>/messages/", more.messages, name="messages"),
    path("<int:pk>/pay/", pay.index, name="pay"),
    path("payer/", pay.payer, name="payer"),
    path("paid/<slug:order_id>/", pay.paid, name="paid"),
    path("paid/<slug:order_id>/progress/", pay.progress, name="paid-progress"),
    path("<int:pk>/switch/<slug:way>/", switch.index, name="switch"),
    path("<int:pk>/switched/", switch.switched, name="switched"),
    path("<int:pk>/me/", more.me, name="me"),
]
