"""Addresses of the fleet: the grid, orders for many meters, the batches."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views.fleet import grid

urlpatterns = [
    path("fleet/", grid.grid, name="fleet"),
    path("fleet/live/", grid.live, name="fleet-live"),
]
