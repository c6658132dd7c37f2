"""Addresses of the energy reports."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views.reports import energy, spread

urlpatterns = [
    path("reports/readings/", energy.readings, name="report-readings"),
    path("reports/daily/", energy.daily, name="report-daily"),
    path("reports/daily/columns/", spread.index, name="report-daily-columns"),
]
