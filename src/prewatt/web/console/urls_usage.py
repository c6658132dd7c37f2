"""Addresses of the reports on use: by place and time, and of every meter as it stands."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views.reports import meters, usage

urlpatterns = [
    path("reports/usage/", usage.index, name="report-usage"),
    path("reports/meters/", meters.index, name="report-meters"),
]
