"""Addresses of what the law asks for: charges explained, plans tried on real use, purchase bills and what follows."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import explain

urlpatterns = [
    path("accounts/<int:pk>/explained/", explain.index, name="explain"),
]
