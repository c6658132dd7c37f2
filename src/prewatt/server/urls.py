from django.urls import include, path

urlpatterns = [
    path("field/v1/", include("prewatt.web.fieldapi.urls")),
    path("paying/", include("prewatt.web.paying.urls")),
    path("api/v1/", include("prewatt.web.api.urls")),
    path("kiosk/", include("prewatt.web.kiosk.urls")),
    path("my/", include("prewatt.web.tenant.urls")),
    path("", include("prewatt.web.console.urls")),
]
