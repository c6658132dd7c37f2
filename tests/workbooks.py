"""An exported workbook, read by a library that did not write it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import openpyxl

ABOUT = 4  # lines above the head: title, filters, order, who and when; then an empty one


@dataclass(frozen=True)
class Found:
    about: list[str]
    head: list[str]
    rows: list[list[Any]]  # of the cells
    sheet: Any

    @property
    def values(self) -> list[list[Any]]:
        return [[cell.value for cell in row] for row in self.rows]


def opened(answer: Any) -> Found:
    """The bytes of a file, or an answer that streams one."""
    body = answer if isinstance(answer, bytes) else b"".join(answer.streaming_content)
    sheet = openpyxl.load_workbook(io.BytesIO(body)).active
    lines = [list(row) for row in sheet.iter_rows()]
    head = [str(cell.value) for cell in lines[ABOUT + 1]]
    return Found([str(row[0].value) for row in lines[:ABOUT]], head, lines[ABOUT + 2 :], sheet)
