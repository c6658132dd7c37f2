"""Addresses of what an operator keeps of lists: files and saved filters."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import lists

urlpatterns = [
    path("exports/", lists.index, name="exports"),
    path("exports/live/", lists.live, name="exports-live"),
    path("exports/new/", lists.export, name="export-new"),
    path("exports/<str:pk>/cancel/", lists.cancel, name="export-cancel"),
    path("exports/<str:pk>/file/", lists.file, name="export-file"),
    path("saved/new/", lists.save, name="saved-new"),
    path("saved/<int:pk>/delete/", lists.forget, name="saved-delete"),
]
