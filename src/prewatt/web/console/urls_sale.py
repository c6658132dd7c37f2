"""Addresses of selling: the counter, the list, a sale's own page, and what waits for a person."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views import sale, sales, unclear

urlpatterns = [
    path("sale/", sale.counter, name="sale"),
    path("sale/find/", sale.find, name="sale-find"),
    path("sale/today/", sale.today, name="sale-today"),
    path("sale/tenant/<int:pk>/", sale.tenant, name="sale-tenant"),
    path("sale/progress/<str:sale_id>/", sale.progress, name="sale-progress"),
    path("sales/", sales.index, name="sales"),
    path("sales/<str:sale_id>/", sales.show, name="sale-show"),
    path("sales/<str:sale_id>/reverse/", sales.reverse_sale, name="sale-reverse"),
    path("sales/<str:sale_id>/refund/", sales.refund, name="sale-refund"),
    path("sales/<str:sale_id>/resend/", sales.resend, name="sale-resend"),
    path("sales/<str:sale_id>/pay-out/", sales.pay_out, name="sale-pay-out"),
    path("sales/<str:sale_id>/cancel/", sales.cancel, name="sale-cancel"),
    path("orders/", unclear.index, name="orders"),
    path("orders/<str:order_id>/decide/", unclear.decide, name="unclear-decide"),
    path("orders/late/<int:pk>/accept/", unclear.accept_late, name="unclear-late"),
]
