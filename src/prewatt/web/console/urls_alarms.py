"""Addresses of alarms, of what is lost, and of the ledger against the meters."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import alarms, difference, lost, reconciliation

urlpatterns = [
    path("alarms/", alarms.index, name="alarms"),
    path("alarms/acknowledge/", alarms.acknowledge_listed, name="alarms-acknowledge"),
    path("alarms/history/", alarms.history, name="alarm-history"),
    path("alarms/<int:pk>/", alarms.show, name="alarm"),
    path("alarms/<int:pk>/acknowledge/", alarms.acknowledge, name="alarm-acknowledge"),
    path("lost/", lost.meters, name="lost"),
    path("lost/gateways/", lost.gateways, name="lost-gateways"),
    path("reconciliation/", reconciliation.index, name="reconciliation"),
    path("reconciliation/accounts/<int:pk>/", difference.show, name="reconciliation-account"),
    path("reconciliation/accounts/<int:pk>/accept/", difference.accept, name="reconciliation-accept"),
    path("reconciliation/again/", reconciliation.again, name="reconciliation-again"),
    path("reconciliation/days/", reconciliation.days, name="reconciliation-days"),
]
