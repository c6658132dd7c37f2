"""Addresses of the reports on use: by place and time, by hour and weekday, and of every meter as it stands."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views.reports import balance, meters, quality, shape, usage

urlpatterns = [
    path("reports/usage/", usage.index, name="report-usage"),
    path("reports/hours/", shape.index, name="report-shape"),
    path("reports/balance/", balance.index, name="report-balance"),
    path("reports/balance/below/", balance.below, name="report-balance-below"),
    path("reports/quality/", quality.index, name="report-quality"),
    path("reports/quality/day/", quality.day, name="report-quality-day"),
    path("reports/meters/", meters.index, name="report-meters"),
]
