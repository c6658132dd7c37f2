"""Addresses of messages and of the carriers that take them."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import carriers, notice_costs, notices

urlpatterns = [
    path("messages/", notices.index, name="notices"),
    path("messages/costs/", notice_costs.index, name="notice-costs"),
    path("messages/<int:pk>/", notices.show, name="notice"),
    path("messages/<int:pk>/again/", notices.again, name="notice-again"),
    path("settings/carriers/", carriers.index, name="carriers"),
    path("settings/carriers/rules/", carriers.rules, name="notice-rules"),
    path("settings/carriers/new/<slug:kind>/", carriers.new, name="carrier-new"),
    path("settings/carriers/<int:pk>/", carriers.show, name="carrier"),
    path("settings/carriers/<int:pk>/test/", carriers.try_out, name="carrier-test"),
]
