"""Addresses of accounts that run out of money."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import cutoff, fair_rules

urlpatterns = [
    path("cutoff/", cutoff.index, name="cutoff"),
    path("cutoff/<int:pk>/", cutoff.show, name="cutoff-account"),
    path("cutoff/<int:pk>/grace/", cutoff.grace, name="cutoff-grace"),
    path("cutoff/<int:pk>/grace/end/", cutoff.end_grace, name="cutoff-grace-end"),
    path("cutoff/<int:pk>/told/", cutoff.told, name="cutoff-told"),
    path("settings/switching/fair/", fair_rules.index, name="fair-rules"),
]
