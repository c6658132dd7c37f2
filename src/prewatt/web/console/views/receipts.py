"""打印, 补打 and 验票: a button notes the print and opens the paper; loading the paper again is no second print."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.audit import paper as audit
from prewatt.domain.audit.paper import Verdict
from prewatt.domain.staff.rights import Right
from prewatt.domain.vending import printing
from prewatt.domain.vending.checks import Refused
from prewatt.domain.vending.models import Print
from prewatt.domain.vending.receipt_text import Document
from prewatt.web.console.views.sale import given_id
from prewatt.web.parts import papers
from prewatt.web.parts.pages import address, now, operator, page, refusal
from prewatt.web.parts.words import Text

if TYPE_CHECKING:
    from django.http import HttpRequest

TOGETHER = "1"
COOKIE, COOKIE_S = "paper", 365 * 24 * 3600  # each till has a printer of its own
# Verdict -> tone, icon, headline, what it means and what to do.
VERDICTS: dict[Verdict, tuple[str, str, Text, Text]] = {
    Verdict.GENUINE: (
        "good",
        "circle-check",
        gettext_lazy("Genuine: printed here, and the books say the same"),
        gettext_lazy("Compare the amount and the name on the paper with what stands below."),
    ),
    Verdict.KNOWN: (
        "plain",
        "receipt",
        gettext_lazy("The books have this number"),
        gettext_lazy("A number alone proves nothing about the paper. Scan its code, or compare every figure."),
    ),
    Verdict.FORGED: (
        "bad",
        "ban",
        gettext_lazy("Forged: this code was not made here"),
        gettext_lazy("It claims to be ours, and its seal is wrong. Pay nothing on it, keep it, and tell finance."),
    ),
    Verdict.DIFFERS: (
        "bad",
        "alert-triangle",
        gettext_lazy("The code is ours, but the books say something else"),
        gettext_lazy("The books were changed, or brought back from an older backup. Pay nothing; tell finance."),
    ),
    Verdict.MISSING: (
        "bad",
        "alert-triangle",
        gettext_lazy("The code is ours, but your books have no such receipt"),
        gettext_lazy(
            "It belongs to a building that you do not look after, or the books were brought back from an older "
            "backup. Pay nothing; tell finance."
        ),
    ),
    Verdict.UNKNOWN: (
        "bad",
        "ban",
        gettext_lazy("There is no receipt with this number"),
        gettext_lazy("Look at the number again. If it is as on the paper, the paper is not ours: tell finance."),
    ),
    Verdict.FOREIGN: (
        "bad",
        "ban",
        gettext_lazy("This code is of another site"),
        gettext_lazy("It was not printed here. Pay nothing on it."),
    ),
    Verdict.UNREADABLE: (
        "warn",
        "alert-triangle",
        gettext_lazy("This is neither a receipt's code nor a receipt number"),
        gettext_lazy("Scan the code again, or type the number, such as S2026-000123."),
    ),
}


class NotFound(Refused):
    code = "receipt_not_found"


class NoRange(Refused):
    code = "no_receipt_range"


def _document(request: HttpRequest, series: str, number: int) -> Document:
    found = printing.find(series, number, operator=operator(request))
    if found is None:
        raise Http404
    return found


@page(Right.SELL, Right.REFUND, Right.REVERSE, methods=("POST",))
def print_(request: HttpRequest, receipt: str) -> HttpResponse:
    """First print or reprint of one receipt number; with `together`, the whole payment on one paper."""
    named = printing.split(receipt)
    if named is None:
        raise Http404
    document = _document(request, *named)
    together = request.POST.get("together") == TOGETHER
    try:
        done = printing.print_receipt(
            print_id=given_id(request, "form_id"),
            document=document,
            together=together,
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return render(request, "console/receipts/refused.html", {"page": "sale", "refused": refusal(error)}, status=422)
    response = redirect("console:paper", done.pk)
    if together:
        response["Location"] += f"?together={TOGETHER}"
    return response


@page(Right.SELL, Right.REFUND, Right.REVERSE, methods=("POST",))
def print_several(request: HttpRequest) -> HttpResponse:
    """A queue of receipts in one go: named one by one, or from one number to another of the same series."""
    try:
        form_id = given_id(request, "form_id")
        printing.print_several(
            print_id=form_id,
            documents=_queue(request),
            operator=operator(request),
            now=now(),
            address=address(request),
        )
    except Refused as error:
        return _index(request, error)
    return redirect("console:paper", form_id)


def _queue(request: HttpRequest) -> list[Document]:
    """Raises NotFound for a number that is not there, NoRange for what is no range."""
    names = request.POST.getlist("receipt") or _range(request.POST.get("first", ""), request.POST.get("last", ""))
    found = []
    for name in names[: printing.SEVERAL_MAX + 1]:
        named = printing.split(name)
        document = printing.find(*named, operator=operator(request)) if named else None
        if document is None:
            raise NotFound(_("There is no receipt %(number)s. Nothing was printed.") % {"number": name[:24]})
        found.append(document)
    return found


def _range(first: str, last: str) -> list[str]:
    """S2026-000101 to S2026-000120, or to 120."""
    begin = printing.split(first)
    end = printing.split(last) if "-" in last else (begin and printing.split(f"{begin[0]}-{last.strip()}"))
    if begin is None or end is None or begin[0] != end[0] or not 0 <= end[1] - begin[1] < printing.SEVERAL_MAX:
        raise NoRange(
            _(
                "That is no range of receipt numbers. Nothing was printed. Give the first and the last of one series, "
                "at most %(max)d of them, such as S2026-000101 and S2026-000120."
            )
            % {"max": printing.SEVERAL_MAX}
        )
    return [f"{begin[0]}-{number:06d}" for number in range(begin[1], end[1] + 1)]


@page(Right.SELL, Right.REFUND, Right.REVERSE)
def paper(request: HttpRequest, print_id: str) -> HttpResponse:
    """The receipt in its three parts, as paper. The second print and later ones are marked 补打."""
    noted = _noted(print_id)
    receipts = _slips(request, noted)
    sheet = _sheet(request)
    alone = noted[0].pk == print_id
    context = {
        "receipts": receipts,
        "title": receipts[0].paper.receipt if alone else _("%(count)d receipts") % {"count": len(receipts)},
        "reprint": noted[0].nth - 1,
        "print_id": print_id,
        "sheet": sheet,
        "sheets": list(papers.SHEETS.values()),
        "together": f"together={TOGETHER}&" if _together(request) else "",
        "again": f"{noted[0].series}-{noted[0].number:06d}" if alone else "",
        "form_id": token_hex(16),
    }
    return _remembered(request, render(request, "console/receipts/paper.html", context))


@page(Right.SELL, Right.REFUND, Right.REVERSE)
def pdf(request: HttpRequest, print_id: str) -> HttpResponse:
    """The same paper as a file."""
    noted = _noted(print_id)
    receipts = _slips(request, noted)
    try:
        made = papers.pdf(receipts, _sheet(request))
    except Refused as error:
        return render(request, "console/receipts/refused.html", {"page": "sale", "refused": refusal(error)}, status=422)
    name = receipts[0].paper.receipt.partition("~")[0].partition("、")[0]
    return HttpResponse(
        made, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}.pdf"'}
    )


def _noted(print_id: str) -> list[Print]:
    noted = printing.prints(print_id)
    if not noted:
        raise Http404
    return noted


def _slips(request: HttpRequest, noted: list[Print]) -> list[papers.Slips]:
    return [
        papers.Slips(
            printing.paper(
                _document(request, one.series, one.number),
                together=_together(request),
                operator=one.operator,
                now=one.at,
            ),
            again=one.nth - 1,
        )
        for one in noted
    ]


def _together(request: HttpRequest) -> bool:
    return request.GET.get("together") == TOGETHER


def _sheet(request: HttpRequest) -> papers.Sheet:
    """As asked for, else as this browser printed last."""
    wanted = request.GET.get("paper") or request.COOKIES.get(COOKIE, "")
    return papers.SHEETS.get(wanted, papers.SHEETS["241"])


def _remembered(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if request.GET.get("paper") in papers.SHEETS:
        response.set_cookie(
            COOKIE, request.GET["paper"], COOKIE_S, httponly=True, samesite="Lax", secure=request.is_secure()
        )
    return response


@page(Right.SELL, Right.REFUND, Right.REVERSE)
def index(request: HttpRequest) -> HttpResponse:
    """验票: a scanner types the code of a paper into the field, or a person its number."""
    return _index(request)


def _index(request: HttpRequest, error: Refused | None = None) -> HttpResponse:
    text = request.GET.get("code", "").strip()
    checked = audit.check(text, operator=operator(request)) if text else None
    context = {
        "page": "receipts",
        "text": text[: audit.TEXT_MAX],
        "checked": checked,
        "words": VERDICTS[checked.verdict] if checked else None,
        "refused": refusal(error) if error else None,
        "form_id": token_hex(16),
        "first": request.POST.get("first", ""),
        "last": request.POST.get("last", ""),
        "several_max": printing.SEVERAL_MAX,
    }
    return render(request, "console/receipts/index.html", context, status=422 if error else 200)
