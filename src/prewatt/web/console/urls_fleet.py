"""Addresses of the fleet: the grid, orders for many meters, the batches."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views.fleet import batches, grid, orders

urlpatterns = [
    path("fleet/", grid.grid, name="fleet"),
    path("fleet/live/", grid.live, name="fleet-live"),
    path("fleet/orders/<slug:kind>/preview/", orders.preview, name="fleet-preview"),
    path("fleet/orders/<slug:kind>/", orders.send, name="fleet-send"),
    path("fleet/batches/", batches.index, name="fleet-batches"),
    path("fleet/batches/<str:pk>/", batches.show, name="fleet-batch"),
    path("fleet/batches/<str:pk>/progress/", batches.progress, name="fleet-progress"),
    path("fleet/batches/<str:pk>/stop/", batches.stop, name="fleet-stop"),
    path("fleet/batches/<str:pk>/retry/", batches.retry, name="fleet-retry"),
]
