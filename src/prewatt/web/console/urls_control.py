"""Addresses of prices, of the rules of switching off, and of what differs."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import differing, plans, switching, versions

urlpatterns = [
    path("settings/prices/", plans.register, name="plans"),
    path("settings/prices/new/", plans.create, name="plan-new"),
    path("settings/prices/new/version/", versions.by_form, name="plan-new-version"),
    path("settings/prices/new/document/", versions.by_document, name="plan-new-document"),
    path("settings/prices/purchase/", plans.purchase, name="purchase"),
    path("settings/prices/<int:pk>/", plans.show, name="plan"),
    path("settings/prices/<int:pk>/send/", plans.send, name="plan-send"),
    path("settings/prices/<int:pk>/versions/new/", versions.by_form, name="plan-version-new"),
    path("settings/prices/<int:pk>/versions/document/", versions.by_document, name="plan-version-document"),
    path("settings/prices/<int:pk>/versions/<int:number>/", versions.document, name="plan-version"),
    path("settings/prices/<int:pk>/versions/<int:number>/withdraw/", versions.withdraw, name="plan-version-withdraw"),
    path("settings/switching/", switching.index, name="switching"),
    path("settings/switching/never/", switching.never_cut, name="never-cut"),
    path("settings/switching/never/<int:pk>/remove/", switching.may_be_cut, name="may-be-cut"),
    path("settings/switching/stop/", switching.stop, name="site-stop"),
    path("fleet/differing/", differing.register, name="differing"),
    path("fleet/differing/send/", differing.send, name="differing-send"),
]
