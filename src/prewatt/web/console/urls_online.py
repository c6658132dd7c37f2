"""Addresses of what is paid by providers: payments, messages, bills."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import online, online_bills, online_setup

urlpatterns = [
    path("online/", online.index, name="online"),
    path("online/messages/", online.messages, name="online-messages"),
    path("online/bills/", online_bills.index, name="online-bills"),
    path("online/bills/<int:pk>/", online_bills.show, name="online-bill"),
    path("online/bills/<int:pk>/sign/", online_bills.sign, name="online-bill-sign"),
    path("online/differences/", online_bills.differences, name="online-differences"),
    path("online/differences/<int:pk>/explain/", online_bills.explain, name="online-difference-explain"),
    path("online/differences/<int:pk>/take-over/", online_bills.take_over, name="online-difference-take"),
    path("settings/payments/", online_setup.index, name="online-channels"),
    path("settings/payments/<slug:name>/", online_setup.channel, name="online-channel"),
    path("online/payments/<str:order_no>/", online.show, name="online-show"),
    path("online/payments/<str:order_no>/back/", online.back, name="online-back"),
    path("online/payments/<str:order_no>/note/", online.note, name="online-note"),
    path("online/payments/<str:order_no>/send-on/", online.send_on, name="online-send-on"),
]
