from django.urls import URLPattern, URLResolver, path

from prewatt.web.console import (
    urls_alarms,
    urls_commissioning,
    urls_control,
    urls_customers,
    urls_doors,
    urls_energy,
    urls_estate,
    urls_fleet,
    urls_lists,
    urls_people,
    urls_reports,
    urls_resale,
    urls_sale,
    urls_usage,
)
from prewatt.web.console.views import building, dashboard, login, meters

app_name = "console"
urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", login.log_in, name="login"),
    path("logout/", login.log_out, name="logout"),
    path("language/", login.language, name="language"),
    path("", dashboard.dashboard, name="dashboard"),
    path("live/", dashboard.live, name="live"),
    path("building/", building.building, name="building"),
    path("building/live/", building.live, name="building_live"),
    path("meters/", meters.register, name="meters"),
    path("meters/<int:pk>/", meters.meter, name="meter"),
    path("meters/<int:pk>/card/", meters.card, name="card"),
    path("meters/<int:pk>/orders/", meters.orders, name="meter_orders"),
    path("meters/<int:pk>/<slug:kind>/", meters.command, name="command"),
    *urls_alarms.urlpatterns,
    *urls_control.urlpatterns,
    *urls_doors.urlpatterns,
    *urls_energy.urlpatterns,
    *urls_fleet.urlpatterns,
    *urls_lists.urlpatterns,
    *urls_customers.urlpatterns,
    *urls_estate.urlpatterns,
    *urls_people.urlpatterns,
    *urls_reports.urlpatterns,
    *urls_resale.urlpatterns,
    *urls_commissioning.urlpatterns,
    *urls_sale.urlpatterns,
    *urls_usage.urlpatterns,
]
