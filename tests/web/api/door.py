"""A program at the API's door: its token, and a client that speaks JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from prewatt.domain.staff.rights import Right

ROOT = "/api/v1"


def token_of(operator: Any, rights: Any = None, *, buildings: Any = None, days: int = 30, by: Any = None) -> Any:
    """(row, secret)."""
    from prewatt.domain.staff import tokens
    from prewatt.domain.staff.models import ApiToken

    made = tokens.make(
        form_id=f"form-of-a-test-{operator.username}-{ApiToken.objects.count():06d}",
        name="till",
        operator=operator,
        rights=operator.role.rights if rights is None else [Right(right).value for right in rights],
        building_ids=None if buildings is None else [one.pk for one in buildings],
        days=days,
        by=by or operator,
        now=datetime.now(UTC),
    )
    return made.token, made.secret


class Program:
    def __init__(self, operator: Any, *, language: str = "en", **how: Any) -> None:
        self.token, self.secret = token_of(operator, **how)
        self.language, self.client = language, Client()
        self.client.raise_request_exception = False
        self._keys = 0

    def headers(self, key: str | None = None) -> dict[str, str]:
        found = {"Authorization": f"Bearer {self.secret}", "Accept-Language": self.language}
        return found | ({"Idempotency-Key": key} if key else {})

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(ROOT + path, query, headers=self.headers())

    def send(self, path: str, body: Any = None, *, key: str | None = "", method: str = "POST") -> Any:
        """`key` empty: a new one."""
        if key == "":
            self._keys += 1
            key = f"test-key-{self.token.pk}-{self._keys:06d}"
        return self.client.generic(
            method,
            ROOT + path,
            json.dumps({} if body is None else body),
            content_type="application/json",
            headers=self.headers(key),
        )
