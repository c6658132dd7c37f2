"""Addresses of customers: 开户, 开户查询, one customer, 换表, 过户, 销户."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views.customers import batch, closings, edit, ending, opening, register, show, statements

urlpatterns = [
    path("customers/", register.index, name="customers"),
    path("customers/open/", opening.wizard, name="customer-open"),
    path("customers/open/find/", opening.find, name="customer-find-meter"),
    path("customers/open/people/", opening.people, name="customer-find-person"),
    path("customers/open/meter/<int:pk>/", opening.line, name="customer-line"),
    path("customers/open/reading/<int:pk>/", opening.reading, name="customer-reading"),
    path("customers/batch/", batch.upload, name="customer-batch"),
    path("customers/batch/template/", batch.template, name="preset-template"),
    path("customers/batch/<str:preset_id>/", batch.show, name="preset"),
    path("customers/batch/<str:preset_id>/live/", batch.live, name="preset-live"),
    path("customers/batch/<str:preset_id>/start/", batch.start, name="preset-start"),
    path("customers/batch/<str:preset_id>/retry/", batch.retry, name="preset-retry"),
    path("customers/<int:pk>/", show.show, name="customer"),
    path("customers/<int:pk>/accounts/", show.live, name="customer-live"),
    path("customers/<int:pk>/edit/", edit.person, name="customer-edit"),
    path("customers/account/<int:pk>/", edit.account, name="account-edit"),
    path("customers/account/<int:pk>/terms/", edit.terms, name="account-terms"),
    path("customers/account/<int:pk>/billing/", ending.billing, name="account-billing"),
    path("customers/account/<int:pk>/change-meter/", ending.change, name="account-change"),
    path("customers/find/new-meters/", ending.new_meters, name="customer-new-meters"),
    path("customers/find/takers/", ending.takers, name="customer-takers"),
    path("customers/<int:pk>/close/", ending.close, name="customer-close"),
    path("customers/<int:pk>/hand-over/", ending.hand_over, name="customer-hand-over"),
    path("statements/", statements.index, name="statements"),
    path("statements/<int:pk>/", statements.show, name="statement"),
    path("statements/<int:pk>/statement.pdf", statements.paper, name="statement-pdf"),
    path("closings/", closings.index, name="closings"),
    path("closings/<str:closing_id>/", closings.show, name="closing"),
    path("closings/<str:closing_id>/live/", closings.live, name="closing-live"),
    path("closings/<str:closing_id>/<slug:verb>/", closings.act, name="closing-act"),
]
