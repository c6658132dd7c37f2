"""Addresses of the finance report, the sales detail and the day close."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views.reports import day_close, finance, sales_detail

urlpatterns = [
    path("reports/finance/", finance.index, name="report-finance"),
    path("reports/sales/", sales_detail.index, name="report-sales"),
    path("reports/days/", day_close.index, name="report-days"),
    path("reports/days/<slug:day>/", day_close.show, name="report-day"),
    path("reports/days/<slug:day>/sign/", day_close.sign, name="report-day-sign"),
]
