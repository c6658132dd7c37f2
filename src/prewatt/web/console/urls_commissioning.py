"""Addresses of commissioning: looking at a bus, addresses used twice, labels."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views.commissioning import duplicates, labels, looking

urlpatterns = [
    path("commissioning/", looking.scan, name="commissioning-scan"),
    path("commissioning/live/", looking.live_read, name="commissioning-live-read"),
    path("commissioning/frames/", looking.frames, name="commissioning-frames"),
    path("commissioning/duplicates/", duplicates.register, name="commissioning-duplicates"),
    path("commissioning/labels/", labels.labels, name="commissioning-labels"),
    path("commissioning/looks/<str:inquiry_id>/", looking.live, name="commissioning-live"),
    path("commissioning/looks/<str:inquiry_id>/stop/", looking.stop, name="commissioning-stop"),
]
