"""What makes the site a thing on the phone's first page: its manifest, and a worker that keeps the shell alone."""

from __future__ import annotations

from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from prewatt.domain.staff import site


@require_safe
def manifest(_request: HttpRequest) -> JsonResponse:
    name = site.door().name or _("My electricity")
    icons = [
        {"src": static(f"prewatt/tenant-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": "any"}
        for size in (192, 512)
    ]
    facts = {
        "name": name,
        "short_name": name[:12],
        "id": reverse("tenant:index"),
        "start_url": reverse("tenant:index"),
        "scope": reverse("tenant:index"),
        "display": "standalone",
        "orientation": "portrait",
        "background_color": "#132135",
        "theme_color": "#132135",
        "icons": icons,
    }
    return JsonResponse(facts, content_type="application/manifest+json")


@require_safe
def worker(_request: HttpRequest) -> HttpResponse:
    """Served from here and not from the static files: a worker sees what lies below its own address."""
    found = finders.find("prewatt/tenant-worker.js")
    assert isinstance(found, str)
    response = HttpResponse(Path(found).read_text(), content_type="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """What the worker shows when the network is gone. It names nobody."""
    return render(request, "tenant/offline.html")
