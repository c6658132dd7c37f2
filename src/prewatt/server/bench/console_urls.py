"""The site's own addresses, and one page that says hello."""

from __future__ import annotations

from django.urls import path

from prewatt.server.bench.console_client import HELLO, hello
from prewatt.server.urls import urlpatterns as site

urlpatterns = [path(HELLO.lstrip("/"), hello), *site]
