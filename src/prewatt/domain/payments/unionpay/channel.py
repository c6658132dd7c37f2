"""UnionPay behind the house's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from urllib.parse import quote, urlencode

import httpx

from prewatt.domain.payments import signatures
from prewatt.domain.payments.asking import ANSWER_BYTES_MAX, BILL_BYTES_MAX, BILL_SECONDS_MAX, SECONDS_MAX, ask
from prewatt.domain.payments.channel import (
    Ask,
    BackAsk,
    BackFact,
    BillLine,
    Fact,
    Forged,
    Lead,
    NotTaken,
    Opens,
    Reply,
    Standing,
    Unreachable,
    Way,
)
from prewatt.domain.payments.spelling import SKEW, china, from_china, is_over
from prewatt.domain.payments.unionpay import reading, signing
from prewatt.domain.payments.unionpay.settings import Settings

CURRENCY = "156"
NO_ORDER, NO_FILE = "34", "98"
REPEATED = frozenset({"12"})  # it has a transaction of that number: what became of it, a query says
BUSY = frozenset({"02", "37", "39"})  # not open, asked too often, outside its hours: nothing was done
DESK, PHONE = "07", "08"


class UnionPay:
    """The time at which an order was made belongs to its name: `created_at` must be the same each time."""

    name = "unionpay"
    ways = frozenset({Way.PAGE, Way.PHONE})

    def __init__(self, settings: Settings, client: httpx.Client) -> None:
        self._settings, self._client = settings, client
        self._key = signatures.private_key(settings.private_key)
        for pem in (settings.middle, settings.root):  # a certificate that is none is found here
            signing.serial(pem)
        self._serial = signing.serial(settings.certificate)

    def create(self, ask: Ask, *, now: datetime) -> Lead:  # noqa: ARG002 - nothing is asked: the payer's browser carries it
        fields = self._signed(
            {
                "txnType": "01",
                "txnSubType": "01",
                "bizType": "000201",
                "channelType": PHONE if ask.way == Way.PHONE else DESK,
                "orderId": ask.order_no,
                "txnTime": china(ask.created_at, reading.STAMP),
                "txnAmt": str(ask.amount_fen),
                "currencyCode": CURRENCY,
                "backUrl": ask.notify_url,
                "frontUrl": ask.return_url,
                "payTimeout": china(ask.expires_at, reading.STAMP),
            }
        )
        return Lead(Opens.POST, f"{self._settings.gateway}/frontTransReq.do", fields)

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Fact | BackFact:  # noqa: ARG002 - nothing is signed in them
        said = signing.form(body)
        self._check(said, now)
        try:
            if said["txnType"] == "01":
                return reading.fact(said, said["respCode"])
            if said["txnType"] == "04":
                return reading.back_fact(said, said["respCode"], said.get("reqReserved", ""))
        except (ValueError, KeyError, OverflowError) as error:
            raise Forged("signed, and not to be understood") from error
        raise Forged("signed, about something that is no payment")

    def reply(self, *, taken: bool) -> Reply:
        """The status alone tells it."""
        return Reply(200 if taken else 500, "text/plain", b"ok" if taken else b"fail")

    def query(self, order_no: str, *, created_at: datetime, now: datetime) -> Fact:
        said = self._query(order_no, created_at, now)
        if said is None:
            return Fact(order_no, Standing.ABSENT)
        try:
            if said["txnType"] != "01":
                raise Forged("an answer about something that is no payment")
            return reading.fact(said, said["origRespCode"])
        except (ValueError, KeyError, OverflowError) as error:
            raise Unreachable("an answer that cannot be read") from error

    def close(self, order_no: str, *, created_at: datetime, now: datetime) -> Fact:  # noqa: ARG002 - it knows no closing
        """An order ends by its `payTimeout`."""
        return Fact(order_no, Standing.UNKNOWN)

    def refund(self, ask: BackAsk, *, now: datetime) -> BackFact:
        wanted = {
            "txnType": "04",
            "txnSubType": "00",
            "bizType": "000201",
            "channelType": DESK,
            "orderId": ask.back_no,
            "txnTime": china(ask.asked_at, reading.STAMP),
            "txnAmt": str(ask.amount_fen),
            "currencyCode": CURRENCY,
            "origQryId": ask.channel_no,
            "backUrl": self._settings.notify_url,
            "reqReserved": ask.order_no,  # what it tells us later carries no other word of the order
        }
        said = self._ask("backTransReq.do", wanted, now=now)
        code = said.get("respCode", "")
        known = {"00": Standing.WAITING, "A6": Standing.WAITING}  # taken; whether it was done, a query says
        if code in known or code in reading.UNSURE or code in REPEATED:
            standing = known.get(code, Standing.UNKNOWN)
            return BackFact(ask.back_no, ask.order_no, standing, channel_no=said.get("queryId", ""))
        if code in BUSY:
            raise Unreachable(f"{code}: {said.get('respMsg', '')}")
        raise NotTaken(code, said.get("respMsg", ""))

    def query_refund(self, ask: BackAsk, *, now: datetime) -> BackFact:
        said = self._query(ask.back_no, ask.asked_at, now)
        if said is None:
            return BackFact(ask.back_no, ask.order_no, Standing.ABSENT)
        try:
            if said["txnType"] != "04":
                raise Forged("an answer about something that is no refund")
            return reading.back_fact(said, said["origRespCode"], ask.order_no)
        except (ValueError, KeyError) as error:
            raise Unreachable("an answer that cannot be read") from error

    def bill(self, day: date, *, now: datetime) -> Sequence[BillLine]:
        """Of a settlement day, which UnionPay ends before midnight. The signed answer carries the file in it."""
        if not is_over(day, now):
            raise Unreachable("that day is not over")
        wanted = {
            "txnType": "76",
            "txnSubType": "01",
            "bizType": "000000",
            "settleDate": f"{day:%m%d}",
            "txnTime": china(now, reading.STAMP),
            "fileType": "00",
        }
        said = self._ask("", wanted, now=now, base=self._settings.files)
        code = said.get("respCode", "")
        if code == NO_FILE:
            raise NotTaken(code, said.get("respMsg", ""))
        if code != "00":
            raise Unreachable(f"{code}: {said.get('respMsg', '')}")
        try:
            return reading.bill_lines(said["fileContent"], day)
        except (ValueError, KeyError, OverflowError) as error:
            raise Unreachable("a bill that cannot be read") from error

    def _query(self, number: str, at: datetime, now: datetime) -> dict[str, str] | None:
        """None: it knows no such transaction. Raises Unreachable while it does not say."""
        sent_at = china(at, reading.STAMP)
        wanted = {"txnType": "00", "txnSubType": "00", "bizType": "000000", "orderId": number, "txnTime": sent_at}
        said = self._ask("queryTrans.do", wanted, now=now)
        if (said.get("orderId"), said.get("txnTime")) != (number, sent_at):
            raise Forged("an answer about another order")
        code = said.get("respCode", "")
        if code == NO_ORDER:
            return None
        if code not in reading.GOOD:
            raise Unreachable(f"{code}: {said.get('respMsg', '')}")
        return said

    def _signed(self, values: Mapping[str, str]) -> dict[str, str]:
        whole = {
            "version": signing.VERSION,
            "encoding": "UTF-8",
            "signMethod": signing.METHOD,
            "certId": self._serial,
            "accessType": "0",
            "merId": self._settings.merchant_id,
            **{name: value for name, value in values.items() if value},
        }
        return whole | {"signature": signing.sign(whole, self._key)}

    def _ask(self, path: str, wanted: Mapping[str, str], *, now: datetime, base: str = "") -> dict[str, str]:
        """The verified answer. Raises Unreachable."""
        url = base or f"{self._settings.gateway}/{path}"
        headers = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
        content = urlencode(self._signed(wanted), quote_via=quote).encode()
        answer = ask(
            self._client,
            "POST",
            url,
            content=content,
            headers=headers,
            bytes_max=BILL_BYTES_MAX if base else ANSWER_BYTES_MAX,
            seconds_max=BILL_SECONDS_MAX if base else SECONDS_MAX,
        )
        if answer.status != 200:
            raise Unreachable(f"answered {answer.status}")
        try:
            said = signing.plain(answer.body)
            self._check(said, now)
        except Forged as error:
            raise Unreachable(f"an answer that cannot be believed: {error}") from error
        return said

    def _check(self, said: Mapping[str, str], now: datetime) -> None:
        """Signature at the message's own time, merchant and currency. Raises Forged."""
        try:
            at = from_china(said.get("txnTime", ""), reading.STAMP)
        except (ValueError, OverflowError) as error:
            raise Forged("no time that can be read") from error
        own = self._settings
        signing.check(said, middle=own.middle, root=own.root, subject=own.subject, at=at)
        if at > now + SKEW:
            raise Forged("told at a time that cannot be")
        if said.get("merId") != own.merchant_id:
            raise Forged("for another merchant")
        if said.get("currencyCode", CURRENCY) != CURRENCY:
            raise Forged("in another currency")
