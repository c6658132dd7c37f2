"""Addresses of what the law asks for: charges explained, purchase bills, the public sheet, giving back."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import explain
from prewatt.web.console.views.resale import bills, giving, over, publicity, what_if

urlpatterns = [
    path("accounts/<int:pk>/explained/", explain.index, name="explain"),
    path("resale/bills/", bills.register, name="purchase-bills"),
    path("resale/bills/new/", bills.create, name="purchase-bill-new"),
    path("resale/bills/<int:pk>/", bills.show, name="purchase-bill"),
    path("resale/bills/<int:pk>/sheet/", publicity.index, name="publicity"),
    path("resale/bills/<int:pk>/sheet.pdf", publicity.pdf, name="publicity-pdf"),
    path("resale/charged/", over.index, name="over-charged"),
    path("resale/what-if/", what_if.index, name="what-if"),
    path("resale/given-back/", giving.register, name="clear-backs"),
    path("resale/given-back/accounts/", giving.lines, name="clear-back-lines"),
    path("resale/given-back/new/", giving.create, name="clear-back-new"),
    path("resale/given-back/<slug:run_id>/<int:pk>/", giving.account, name="clear-back-account"),
    path("resale/given-back/<slug:run_id>/<int:pk>/note.pdf", giving.note, name="clear-back-note"),
    path("resale/given-back/<slug:run_id>/<int:pk>/pay/", giving.pay, name="clear-back-pay"),
]
