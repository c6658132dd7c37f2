"""Cloud SMS, chat groups and mail: their signatures against what they publish, and real requests to a local server."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from prewatt.domain.notices.carriers import aliyun, mail, robots, templates, tencent
from prewatt.domain.notices.carrying import Letter
from prewatt.domain.notices.refusals import Again, CarrierRefused, NotKnown

LETTER = Letter(
    id=7,
    key="notice:7",
    to="13800138000",
    title="",
    text="【物业】0306 电费余额 9.85 元",
    kind="low1",
    language="zh",
    fields={"room": "0306", "balance": "9.85"},
    valid_min=60,
)


@dataclass
class Provider:
    """Answers in turn; keeps what it was asked. Status 0: it hangs up without an answer."""

    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            found.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            status, facts = found.answers.pop(0)
            if status == 0:
                return
            data = json.dumps(facts).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_given: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


def sent(line: Any, letter: Letter = LETTER) -> list[str]:
    references: list[str] = []
    line.send(letter, references.append)
    return references


def ali(provider: Provider) -> aliyun.Aliyun:
    settings = {"key_id": "id", "sign": "物业", "templates": "low1 = SMS_1: room, balance", "endpoint": provider.url}
    return aliyun.Aliyun(settings, {"key_secret": "s3cret"})


def ten(provider: Provider) -> tencent.Tencent:
    settings = {
        "key_id": "id",
        "app_id": "1400006666",
        "sign": "物业",
        "region": "ap-guangzhou",
        "templates": "low1 = 110: room, balance",
        "endpoint": provider.url,
    }
    return tencent.Tencent(settings, {"key_secret": "s3cret"})


def test_aliyuns_published_signature() -> None:
    """The worked example of its page on signature method V3."""
    _query, headers = aliyun.signed(
        key_id="YourAccessKeyId",
        secret="YourAccessKeySecret",
        host="ecs.cn-shanghai.aliyuncs.com",
        action="RunInstances",
        version="2014-05-26",
        query={"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"},
        at=datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC),
        nonce="3156853299f313e23d1673dc12e1703d",
    )
    assert headers["Authorization"] == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_tencents_published_signature() -> None:
    """The worked example of its page on signature method v3, with the placeholders it prints as keys."""
    body = b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
    headers = tencent.signed(
        key_id="AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******",
        secret="Gu5t9xGARNpq86cd98joQYCN3*******",
        host="cvm.tencentcloudapi.com",
        service="cvm",
        body=body,
        at_s=1551113065,
    )
    assert headers["Authorization"] == (
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c"
    )


def test_aliyun_is_asked_as_it_wants(provider: Provider) -> None:
    provider.answers = [(200, {"Code": "OK", "BizId": "900619^0", "Message": "OK"})]
    assert sent(ali(provider)) == ["900619^0"]
    [(path, headers, body)] = provider.asked
    asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    assert asked == {
        "PhoneNumbers": "13800138000",
        "SignName": "物业",
        "TemplateCode": "SMS_1",
        "TemplateParam": '{"room":"0306","balance":"9.85"}',
        "OutId": "7",
    }
    assert (headers["x-acs-action"], headers["x-acs-version"], body) == ("SendSms", "2017-05-25", b"")
    again, proof = aliyun.signed(
        key_id="id",
        secret="s3cret",
        host=urlsplit(provider.url).netloc,
        action="SendSms",
        version="2017-05-25",
        query=asked,
        at=datetime.fromisoformat(headers["x-acs-date"]),
        nonce=headers["x-acs-signature-nonce"],
    )
    assert (urlsplit(path).query, headers["authorization"]) == (again, proof["Authorization"])


def test_tencent_is_asked_as_it_wants(provider: Provider) -> None:
    row = {"SerialNo": "5000:1045", "PhoneNumber": "+8613800138000", "Code": "Ok"}
    provider.answers = [(200, {"Response": {"SendStatusSet": [row], "RequestId": "x"}})]
    assert sent(ten(provider)) == ["5000:1045"]
    [(_path, headers, body)] = provider.asked
    assert json.loads(body) == {
        "PhoneNumberSet": ["+8613800138000"],
        "SmsSdkAppId": "1400006666",
        "SignName": "物业",
        "TemplateId": "110",
        "TemplateParamSet": ["0306", "9.85"],
        "SessionContext": "7",
    }
    proof = tencent.signed(
        key_id="id",
        secret="s3cret",
        host=urlsplit(provider.url).netloc,
        service="sms",
        body=body,
        at_s=int(headers["x-tc-timestamp"]),
    )
    assert headers["authorization"] == proof["Authorization"]


@pytest.mark.parametrize(
    ("code", "again"),
    [
        ("isv.MOBILE_NUMBER_ILLEGAL", Again.NOT_THIS_NUMBER),
        ("isv.BUSINESS_LIMIT_CONTROL", Again.FEW_TIMES),
        ("isv.AMOUNT_NOT_ENOUGH", Again.PERSON),
        ("isv.TEMPLATE_MISSING_PARAMETERS", Again.NOT_THIS_MESSAGE),
        ("isp.SYSTEM_ERROR", Again.LATER),
        ("SignatureDoesNotMatch", Again.PERSON),
        ("isv.SOMETHING_NEW", Again.FEW_TIMES),
    ],
)
def test_what_aliyun_refuses_has_its_class(provider: Provider, code: str, again: Again) -> None:
    provider.answers = [(400, {"Code": code, "Message": "no"})]
    with pytest.raises(CarrierRefused) as refused:
        sent(ali(provider))
    assert (refused.value.again, refused.value.code) == (again, code)


@pytest.mark.parametrize(
    ("said", "again"),
    [
        ({"Error": {"Code": "AuthFailure.SignatureFailure"}}, Again.PERSON),
        ({"SendStatusSet": [{"Code": "LimitExceeded.PhoneNumberDailyLimit"}]}, Again.FEW_TIMES),
        ({"SendStatusSet": [{"Code": "InvalidParameterValue.IncorrectPhoneNumber"}]}, Again.NOT_THIS_NUMBER),
        ({"SendStatusSet": [{"Code": "FailedOperation.TemplateIncorrectOrUnapproved"}]}, Again.NOT_THIS_MESSAGE),
        ({"SendStatusSet": [{"Code": "InternalError.Timeout"}]}, Again.LATER),
    ],
)
def test_what_tencent_refuses_has_its_class(provider: Provider, said: dict[str, Any], again: Again) -> None:
    provider.answers = [(200, {"Response": said})]
    with pytest.raises(CarrierRefused) as refused:
        sent(ten(provider))
    assert refused.value.again is again


def test_an_answer_that_does_not_come_is_not_a_refusal(provider: Provider) -> None:
    for make in (ali, ten):
        provider.answers = [(0, {})]
        with pytest.raises(NotKnown):
            sent(make(provider))
        provider.answers = [(503, {})]
        with pytest.raises(CarrierRefused) as busy:
            sent(make(provider))
        assert busy.value.again is Again.LATER
    nobody = Provider(url="http://127.0.0.1:9")
    with pytest.raises(CarrierRefused) as refused:
        sent(ali(nobody))
    assert refused.value.again is Again.LATER


def test_a_kind_without_a_template_is_said(provider: Provider) -> None:
    with pytest.raises(CarrierRefused, match="no template for 'code'") as refused:
        sent(ali(provider), Letter(**{**_facts(LETTER), "kind": "code"}))
    assert refused.value.again is Again.NOT_THIS_MESSAGE
    assert provider.asked == []


def _facts(letter: Letter) -> dict[str, Any]:
    return {name: getattr(letter, name) for name in Letter.__slots__}


def test_templates_are_read_line_by_line() -> None:
    found = templates.read("low1 = SMS_1: room, balance\n\n low1.en=SMS_2:balance\ncode = 99")
    assert found["low1"].names == ("room", "balance")
    assert templates.chosen(found, Letter(**{**_facts(LETTER), "language": "en"})).code == "SMS_2"
    assert found["code"] == templates.Template("99", ())
    for wrong in ("low9 = 1", "low1 SMS_1", "low1 = 1: nonsense"):
        with pytest.raises(ValueError, match=wrong):
            templates.read(wrong)


def test_dingtalk_is_signed(provider: Provider) -> None:
    provider.answers = [(200, {"errcode": 0, "errmsg": "ok"})]
    sent(robots.DingTalk({"endpoint": f"{provider.url}/robot/send"}, {"token": "abc", "sign_secret": "SEC1"}))
    [(path, _headers, body)] = provider.asked
    asked = parse_qs(urlsplit(path).query)
    assert asked["access_token"] == ["abc"]
    assert robots.signature("SEC1", int(asked["timestamp"][0])).startswith("&timestamp=")
    assert parse_qs(robots.signature("SEC1", int(asked["timestamp"][0]))[1:])["sign"] == asked["sign"]
    assert json.loads(body) == {"msgtype": "text", "text": {"content": LETTER.text}}


def test_dingtalks_signature_is_the_one_that_openssl_makes() -> None:
    """printf '1577262236757\\nthis is secret' | openssl dgst -sha256 -hmac 'this is secret' -binary | base64"""
    made = robots.signature("this is secret", 1577262236757)
    assert made == "&timestamp=1577262236757&sign=hmPWwU%2B7lVdm3ZZz0r9tSfx0L4Q26jWOZr9%2BGs6EZQM%3D"


@pytest.mark.parametrize(("code", "again"), [(45009, Again.LATER), (93000, Again.PERSON), (7, Again.FEW_TIMES)])
def test_what_a_robot_refuses_has_its_class(provider: Provider, code: int, again: Again) -> None:
    provider.answers = [(200, {"errcode": code, "errmsg": "no"})]
    with pytest.raises(CarrierRefused) as refused:
        sent(robots.WeCom({"endpoint": provider.url}, {"key": "k"}))
    assert refused.value.again is again
    assert "key=k" in provider.asked[0][0]


def test_a_group_gets_whole_letters_only(provider: Provider) -> None:
    provider.answers = [(200, {"errcode": 0})]
    sent(robots.WeCom({"endpoint": provider.url}, {"key": "k"}), Letter(**{**_facts(LETTER), "text": "电" * 1000}))
    text = json.loads(provider.asked[0][2])["text"]["content"]
    assert set(text) == {"电"}
    assert len(text.encode()) <= robots.BYTES_MAX


class Post(socketserver.StreamRequestHandler):
    """A mail server of one page: says what it is told to say to each command."""

    says: dict[str, str]
    got: list[bytes]

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line.split()[0].upper().decode() if line.split() else ""
            answer = self.says.get(word, "250 good")
            if answer == "hang up":
                return
            self.wfile.write(f"{answer}\r\n".encode())
            if word == "DATA" and answer.startswith("354"):
                lines = []
                while (one := self.rfile.readline()) != b".\r\n":
                    lines.append(one)
                self.got.append(b"".join(lines))
                end = self.says.get(".", "250 taken")
                if end == "hang up":
                    return
                self.wfile.write(f"{end}\r\n".encode())


@pytest.fixture
def post_office() -> Iterator[Any]:
    handler = type("Office", (Post,), {"says": {"DATA": "354 go on"}, "got": []})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    handler.port = server.server_address[1]  # type: ignore[attr-defined]
    yield handler
    server.shutdown()
    server.server_close()


def post(office: Any) -> mail.Mail:
    settings = {"host": "127.0.0.1", "port": str(office.port), "security": "none", "sender": "prewatt@example.org"}
    return mail.Mail(settings, {})


MAIL = Letter(**{**_facts(LETTER), "to": "li@example.org", "title": "通讯管理机失联"})


def test_a_mail_arrives_with_an_id_that_stays(post_office: Any) -> None:
    [first], [again] = sent(post(post_office), MAIL), sent(post(post_office), MAIL)
    found = [message_from_bytes(one, policy=policy.default) for one in post_office.got]
    assert first == again == found[0]["Message-ID"]
    assert (found[0]["Subject"], found[0]["To"]) == ("通讯管理机失联", "li@example.org")
    assert found[0].get_content().strip() == LETTER.text


@pytest.mark.parametrize(
    ("word", "answer", "again"),
    [
        ("RCPT", "550 nobody here", Again.NOT_THIS_NUMBER),
        ("RCPT", "451 later", Again.LATER),
        ("MAIL", "553 not you", Again.PERSON),
        (".", "554 spam", Again.NOT_THIS_MESSAGE),
        ("MAIL", "hang up", Again.LATER),
    ],
)
def test_what_a_mail_server_refuses_has_its_class(post_office: Any, word: str, answer: str, again: Again) -> None:
    post_office.says[word] = answer
    with pytest.raises(CarrierRefused) as refused:
        sent(post(post_office), MAIL)
    assert refused.value.again is again


def test_silence_after_the_mail_is_not_known(post_office: Any) -> None:
    post_office.says["."] = "hang up"
    with pytest.raises(NotKnown):
        sent(post(post_office), MAIL)


def test_a_password_never_goes_over_an_open_line() -> None:
    asked = {"host": "h", "port": "25", "security": "none", "sender": "a@b.cn", "user": "me"}
    assert "security" in mail.wrong(asked)
    assert mail.wrong(asked | {"security": "ssl"}) == {}
    assert set(mail.wrong(asked | {"port": "0", "sender": "x\ny@z", "user": ""})) == {"port", "sender"}
