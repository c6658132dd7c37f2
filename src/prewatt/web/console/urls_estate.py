"""Addresses of the estate's settings."""

from __future__ import annotations

from django.urls import path

from prewatt.web.console.views.estate import defaults, gateways, imports, meters, rooms, structure, texts

urlpatterns = [
    path("settings/gateways/", gateways.register, name="estate-gateways"),
    path("settings/gateways/new/", gateways.create, name="estate-gateway-new"),
    path("settings/gateways/events/", gateways.events, name="estate-events"),
    path("settings/gateways/<int:pk>/", gateways.show, name="estate-gateway"),
    path("settings/gateways/<int:pk>/edit/", gateways.edit, name="estate-gateway-edit"),
    path("settings/gateways/<int:pk>/code/", gateways.draw_code, name="estate-gateway-code"),
    path("settings/gateways/<int:pk>/remove/", gateways.remove, name="estate-gateway-remove"),
    path("settings/gateways/<int:pk>/buses/new/", gateways.create_bus, name="estate-bus-new"),
    path("settings/meters/", meters.register, name="estate-meters"),
    path("settings/meters/new/", meters.create, name="estate-meter-new"),
    path("settings/meters/<int:pk>/", meters.edit, name="estate-meter"),
    path("settings/buses/<int:pk>/", gateways.edit_bus, name="estate-bus"),
    path("settings/buses/<int:pk>/remove/", gateways.remove_bus, name="estate-bus-remove"),
    path("settings/buildings/", structure.tree, name="estate-structure"),
    path("settings/buildings/order/", structure.order, name="estate-order"),
    path("settings/buildings/new/", structure.create_building, name="estate-building-new"),
    path("settings/buildings/<int:pk>/", structure.edit_building, name="estate-building"),
    path("settings/buildings/<int:pk>/floors/new/", structure.create_floor, name="estate-floor-new"),
    path("settings/buildings/<int:pk>/areas/new/", structure.create_area, name="estate-area-new"),
    path("settings/floors/<int:pk>/", structure.edit_floor, name="estate-floor"),
    path("settings/areas/<int:pk>/", structure.edit_area, name="estate-area"),
    path("settings/remove/<slug:kind>/<int:pk>/", structure.remove, name="estate-remove"),
    path("settings/rooms/", rooms.register, name="estate-rooms"),
    path("settings/rooms/new/", rooms.create, name="estate-room-new"),
    path("settings/rooms/uses/", rooms.uses, name="estate-uses"),
    path("settings/rooms/<int:pk>/", rooms.edit, name="estate-room"),
    path("settings/rooms/<int:pk>/remove/", rooms.remove, name="estate-room-remove"),
    path("settings/messages/", texts.message_list, name="estate-messages"),
    path("settings/messages/<slug:key>/", texts.message, name="estate-message"),
    path("settings/receipt/", texts.receipt, name="estate-receipt"),
    path("settings/receipt/<int:pk>/", texts.receipt_of_building, name="estate-receipt-building"),
    path("settings/defaults/", defaults.site, name="estate-defaults"),
    path("settings/defaults/<int:pk>/", defaults.of_building, name="estate-defaults-building"),
    path("settings/import/", imports.upload, name="estate-import"),
    path("settings/import/template/", imports.template, name="estate-import-template"),
    path("settings/import/<str:key>/", imports.preview, name="estate-import-preview"),
]
