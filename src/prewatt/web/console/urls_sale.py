"""Addresses of selling: the counter, the list, a sale's own page, and what waits for a person."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import counter_settings, receipts, refund, sale, sales, shifts, unclear, waiting

urlpatterns = [
    path("sale/", sale.counter, name="sale"),
    path("sale/find/", sale.find, name="sale-find"),
    path("sale/today/", sale.today, name="sale-today"),
    path("sale/tenant/<int:pk>/", sale.tenant, name="sale-tenant"),
    path("sale/tenant/<int:pk>/lasts/", sale.lasts, name="sale-lasts"),
    path("sale/progress/<str:sale_id>/", sale.progress, name="sale-progress"),
    path("sale/payment/<str:payment_id>/", sale.payment_progress, name="payment-progress"),
    path("refund/", refund.refund, name="refund"),
    path("refund/<int:pk>/balance/", refund.balance, name="refund-balance"),
    path("refund/<int:pk>/read/", refund.read, name="refund-read"),
    path("back/<slug:what>/<str:key>/", refund.back, name="back"),
    path("back/<slug:what>/<str:key>/cancel/", refund.cancel, name="back-cancel"),
    path("receipts/", receipts.index, name="receipts"),
    path("receipts/several/", receipts.print_several, name="print-several"),
    path("receipts/<str:receipt>/print/", receipts.print_, name="print"),
    path("prints/<str:print_id>/", receipts.paper, name="paper"),
    path("prints/<str:print_id>/pdf/", receipts.pdf, name="paper-pdf"),
    path("shifts/", shifts.index, name="shifts"),
    path("shifts/open/", shifts.open_, name="shift-open"),
    path("shifts/<str:shift_id>/", shifts.show, name="shift"),
    path("shifts/<str:shift_id>/close/", shifts.close, name="shift-close"),
    path("settings/counter/", counter_settings.edit, name="counter-settings"),
    path("sales/", sales.index, name="sales"),
    path("sales/<str:sale_id>/", sales.show, name="sale-show"),
    path("sales/<str:sale_id>/reverse/", sales.reverse_sale, name="sale-reverse"),
    path("sales/<str:sale_id>/refund/", sales.refund, name="sale-refund"),
    path("sales/<str:sale_id>/resend/", sales.resend, name="sale-resend"),
    path("sales/<str:sale_id>/pay-out/", sales.pay_out, name="sale-pay-out"),
    path("sales/<str:sale_id>/cancel/", sales.cancel, name="sale-cancel"),
    path("orders/", unclear.index, name="orders"),
    path("orders/waiting/", waiting.index, name="waiting"),
    path("orders/waiting/<str:sale_id>/", waiting.show, name="waiting-show"),
    path("orders/waiting/<str:sale_id>/pay-back/", waiting.pay_back, name="waiting-pay"),
    path("orders/<str:order_id>/decide/", unclear.decide, name="unclear-decide"),
    path("orders/late/<int:pk>/accept/", unclear.accept_late, name="unclear-late"),
]
