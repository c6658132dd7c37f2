"""An A4 sheet as PDF from a template that carries its own style: nothing is read beside it and nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from prewatt.web.parts.papers import NoPdf


def a4(template: str, context: Mapping[str, Any]) -> bytes:
    """Raises NoPdf on a server that cannot make PDF files."""
    try:
        import weasyprint  # noqa: PLC0415 - only where a PDF is made: it needs libraries that a site may not have
    except (ImportError, OSError) as error:  # the package, or Debian's libpango behind it
        raise NoPdf(
            _(
                "This server cannot make PDF files: %(missing)s is missing. Nothing was made; print the page instead. "
                "An administrator installs prewatt's extra “pdf” and the system packages libpango-1.0-0 and "
                "libpangoft2-1.0-0."
            )
            % {"missing": "WeasyPrint" if isinstance(error, ImportError) else "libpango"}
        ) from error
    itself = weasyprint.urls.URLFetcher(allowed_protocols=("data",))
    made: bytes = weasyprint.HTML(string=render_to_string(template, dict(context)), url_fetcher=itself).write_pdf()
    return made
