"""Addresses of backups."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import backups

urlpatterns = [
    path("settings/backups/", backups.index, name="backups"),
    path("settings/backups/now/", backups.make, name="backup-now"),
    path("settings/backups/live/", backups.live, name="backups-live"),
]
