"""Mail through the site's own server (SMTP). A message keeps its Message-ID: sent twice, a mailbox can tell."""

from __future__ import annotations

import hashlib
import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from prewatt.domain.notices.carrying import Field, Handed, Letter, Report, Room
from prewatt.domain.notices.refusals import Again, CarrierRefused, NotKnown

TIMEOUT_S = 15.0
ADDRESS = re.compile(r"[^@\s<>,;\"\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,190}")
SECURITY = ("ssl", "starttls", "none")


class Mail:
    look_s: ClassVar[float | None] = None
    reporting: ClassVar[bool] = False

    def __init__(self, settings: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        self._settings, self._secrets = settings, secrets

    def parts(self, letter: Letter) -> int:  # noqa: ARG002 - mail is not charged
        return 1

    def send(self, letter: Letter, handed: Handed) -> None:
        message = self._message(letter)
        server = self._logged_in()
        try:
            _accepted(server.mail(self._settings["sender"]), Again.PERSON)
            _accepted(server.rcpt(letter.to), Again.NOT_THIS_NUMBER)
            try:
                answer = server.data(message.as_bytes())
            except smtplib.SMTPDataError as error:
                raise _refused(error.smtp_code, error.smtp_error, Again.NOT_THIS_MESSAGE) from error
            except (OSError, smtplib.SMTPServerDisconnected) as error:
                raise NotKnown("the mail server did not answer after the message") from error
            _accepted(answer, Again.NOT_THIS_MESSAGE)
        except (OSError, smtplib.SMTPException) as error:
            raise CarrierRefused(f"the mail server broke off ({type(error).__name__})", again=Again.LATER) from error
        finally:
            server.close()
        handed(str(message["Message-ID"]))

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self._settings["sender"], letter.to
        message["Subject"] = " ".join((letter.title or letter.text).split())[:120]
        domain = self._settings["sender"].rpartition("@")[2]
        message["Message-ID"] = f"<{hashlib.sha256(letter.key.encode()).hexdigest()[:32]}@{domain}>"
        message.set_content(letter.text)
        return message

    def _logged_in(self) -> smtplib.SMTP:
        host, port = self._settings["host"], int(self._settings["port"])
        security, trust = self._settings["security"], ssl.create_default_context()
        try:
            if security == "ssl":
                server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=trust)
            else:
                server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
            if security == "starttls":
                server.starttls(context=trust)
            if self._settings.get("user"):
                server.login(self._settings["user"], self._secrets.get("password", ""))
            else:
                server.ehlo_or_helo_if_needed()
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError, ssl.SSLError) as error:
            raise CarrierRefused(f"the mail server does not let us in: {_said(error)}", again=Again.PERSON) from error
        except (OSError, smtplib.SMTPException) as error:
            raise CarrierRefused(f"the mail server cannot be reached: {_said(error)}", again=Again.LATER) from error
        return server

    def reports(self) -> Sequence[Report]:
        return ()

    def health(self) -> Mapping[str, object]:
        return {}

    def close(self) -> None:
        pass


def _said(error: Exception) -> str:
    """What the server said. Never what we sent: a log-in stands in it."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"[:150]
    return str(error)[:150] or type(error).__name__


def _accepted(answer: tuple[int, bytes], never: Again) -> None:
    if not 200 <= answer[0] < 300:
        raise _refused(answer[0], answer[1], never)


def _refused(code: int, said: bytes | str, never: Again) -> CarrierRefused:
    """4xx: later. 5xx: never, and `never` says of what."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return CarrierRefused(f"{text} ({code})"[:200], again=Again.LATER if code < 500 else never, code=code)


def wrong(settings: Mapping[str, str]) -> dict[str, str]:
    found = {}
    if not (settings["port"].isdigit() and 0 < int(settings["port"]) < 65536):
        found["port"] = _("A port is a number from 1 to 65535.")
    if settings["security"] not in SECURITY:
        found["security"] = _("One of ssl, starttls, none.")
    if not ADDRESS.fullmatch(settings["sender"]):
        found["sender"] = _("This is no mail address.")
    if settings["security"] == "none" and settings.get("user"):
        found["security"] = _("A password does not go over an open line. Choose ssl or starttls.")
    return found


ROOM = Room(
    (
        Field("host", gettext_lazy("Mail server")),
        Field("port", gettext_lazy("Port"), shipped="465"),
        Field("security", gettext_lazy("Security (ssl, starttls, none)"), shipped="ssl"),
        Field("sender", gettext_lazy("Sender's address")),
        Field("user", gettext_lazy("User name"), needed=False),
        Field("password", gettext_lazy("Password"), secret=True, needed=False),
        Field("recipients", gettext_lazy("Who gets alarms, with commas"), needed=False),
    ),
    Mail,
    wrong,
)
