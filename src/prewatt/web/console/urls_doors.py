"""Addresses of the doors to other machines: backups and webhooks."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import backups, deliveries, webhooks

urlpatterns = [
    path("settings/backups/", backups.index, name="backups"),
    path("settings/backups/now/", backups.make, name="backup-now"),
    path("settings/backups/live/", backups.live, name="backups-live"),
    path("settings/webhooks/", webhooks.index, name="webhooks"),
    path("settings/webhooks/<int:pk>/", webhooks.show, name="webhook"),
    path("settings/webhooks/<int:pk>/live/", webhooks.live, name="webhook-live"),
    path("settings/webhooks/<int:pk>/secret/", webhooks.renew, name="webhook-renew"),
    path("settings/webhooks/<int:pk>/test/", webhooks.try_out, name="webhook-test"),
    path("settings/webhooks/told/", deliveries.index, name="deliveries"),
    path("settings/webhooks/told/<int:pk>/", deliveries.show, name="delivery"),
    path("settings/webhooks/told/<int:pk>/again/", deliveries.replay, name="delivery-replay"),
    path("settings/webhooks/told/<int:pk>/leave-out/", deliveries.skip, name="delivery-skip"),
]
