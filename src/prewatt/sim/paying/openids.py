"""Who sits before a page inside WeChat: the official account's log-in, which says an openid and nothing else.

Source: developers.weixin.qq.com, 网页授权 (snsapi_base).
"""

from __future__ import annotations

import json
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

from prewatt.sim.paying.keys import APP, Keys
from prewatt.sim.paying.talk import Request, Response, see_other

AUTHORIZE, TOKEN = "/connect/oauth2/authorize", "/sns/oauth2/access_token"
OPENID = "oSandboxPayer0000000000000001"


class OpenIds:
    """A code is good once."""

    def __init__(self, keys: Keys) -> None:
        self._secret = keys.app_secret
        self._codes: set[str] = set()

    @staticmethod
    def is_for(path: str) -> bool:
        return path in {AUTHORIZE, TOKEN}

    def answer(self, request: Request) -> Response:
        given = {name: values[0] for name, values in parse_qs(request.query).items()}
        return self._authorize(given) if request.path == AUTHORIZE else self._token(given)

    def _authorize(self, given: dict[str, str]) -> Response:
        back, mark = given.get("redirect_uri", ""), given.get("state", "")
        asked = (given.get("appid"), given.get("response_type"), given.get("scope"))
        good = asked == (APP, "code", "snsapi_base") and back.startswith(("http://", "https://"))
        if not good or not (mark.isascii() and mark.isalnum() and len(mark) <= 128):
            return Response(400, "参数错误 wrong parameters".encode(), "text/plain; charset=utf-8")
        code = secrets.token_hex(16)
        self._codes.add(code)
        joint = "&" if urlsplit(back).query else "?"
        return see_other(f"{back}{joint}{urlencode({'code': code, 'state': mark})}")

    def _token(self, given: dict[str, str]) -> Response:
        code = given.get("code", "")
        if (given.get("appid"), given.get("grant_type")) != (APP, "authorization_code"):
            return _refused(40013, "invalid appid")
        if given.get("secret") != self._secret:
            return _refused(40125, "invalid appsecret")
        if code not in self._codes:
            return _refused(40029, "invalid code")
        self._codes.discard(code)
        said = {"access_token": secrets.token_hex(16), "expires_in": 7200, "openid": OPENID, "scope": "snsapi_base"}
        return Response(200, json.dumps(said).encode())


def _refused(code: int, words: str) -> Response:
    return Response(200, json.dumps({"errcode": code, "errmsg": words}).encode())
