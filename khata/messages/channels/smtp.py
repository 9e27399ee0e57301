"""E-mail by SMTP: `smtp://user:password@mail.example:587?from=khata@example.org`; `smtps://…` is TLS from the start.

`smtp:` goes over to TLS (STARTTLS) before it says who it is; only a server on this machine may do without.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path

from khata.core import clock
from khata.messages.channels.interface import ChannelError, OutcomeUnknown, Outgoing, Sent
from khata.messages.channels.url import Url, WrongUrl, is_loopback, split

EXAMPLE = "smtp://user:password@mail.example:587?from=khata@example.org"
PORTS = {"smtp": 587, "smtps": 465}
TIMEOUT_SECONDS = 20.0
ADDRESS = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,190}")  # one plain address: no space, comma or second @
NOT_IN_ADDRESS = re.compile(r"[\"(),:;<>\[\\\]]")
TAKEN, GO_ON, PERMANENT = 250, 354, 500


class SmtpChannel:
    """A mail server; each message has a connection of its own."""

    takes_idempotency_key = False

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        login: tuple[str, str] | None = None,
        tls_at_once: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.host, self.port, self.sender, self.login = host, port, sender, login
        self.tls_at_once, self.timeout_seconds = tls_at_once, timeout_seconds

    def send(self, message: Outgoing) -> Sent:
        """One e-mail; raises ChannelError, or OutcomeUnknown where the server had it all and said nothing."""
        if not is_address(message.to):
            raise ChannelError("this is not an e-mail address", is_permanent=True)
        mail = compose(message, self.sender)
        try:
            with self._connect() as server:
                self._greet(server)
                _address(server, parseaddr(self.sender)[1], message.to)
                _deliver(server, mail.as_bytes(policy=WIRE))
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code) from None
        except (OSError, smtplib.SMTPException):
            raise ChannelError("the mail server can't be reached, or broke off") from None
        return Sent(mail["Message-ID"])

    def _connect(self) -> smtplib.SMTP:
        if self.tls_at_once:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_seconds, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)

    def _greet(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if not self.tls_at_once:
            if server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
            elif not is_loopback(f"//{self.host}"):
                raise ChannelError("the mail server offers no TLS", is_permanent=True)
        if self.login:
            if not server.has_extn("auth"):
                raise ChannelError("the mail server takes no login", is_permanent=True)
            server.login(*self.login)


def is_address(text: str) -> bool:
    """Whether `text` is one plain e-mail address that can name nobody else."""
    return bool(ADDRESS.fullmatch(text)) and not NOT_IN_ADDRESS.search(text)


def compose(message: Outgoing, sender: str) -> EmailMessage:
    """The mail of a message. Its Message-ID comes from the message's own: mail programs show what comes twice once."""
    mail = EmailMessage(policy=WIRE)
    mail["From"], mail["To"] = sender, message.to
    mail["Subject"] = " ".join(message.subject.split()) or "Khata"
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = f"<{re.sub('[^0-9A-Za-z-]', '', message.id)}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.body)  # forgets every Content-… that stands there before it
    if message.lang:
        mail["Content-Language"] = re.sub("[^0-9A-Za-z-]", "-", message.lang)
    return mail


def _address(server: smtplib.SMTP, sender: str, recipient: str) -> None:
    for code, _said in (server.mail(sender), server.rcpt(recipient)):
        if code // 10 != TAKEN // 10:
            raise _refusal(code)


def _deliver(server: smtplib.SMTP, raw: bytes) -> None:
    """The text itself. smtplib's own `data` doesn't tell a connection lost before it from one lost after."""
    code, _said = server.docmd("DATA")
    if code != GO_ON:
        raise _refusal(code)
    try:
        server.send(re.sub(rb"(?m)^\.", b"..", raw) + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, _said = server.getreply()
    except (OSError, smtplib.SMTPException):
        raise OutcomeUnknown("the connection was lost before the mail server answered") from None
    if code != TAKEN:
        raise _refusal(code)


def _refusal(code: int) -> ChannelError:
    """RFC 5321, 4.2.1: 4xx passes, 5xx stays."""
    return ChannelError(f"the mail server answered {code}", is_permanent=code >= PERMANENT)


def build(url: Url, data_dir: Path) -> SmtpChannel:
    """The channel of `smtp://…` or `smtps://…`; raises WrongUrl."""
    del data_dir
    url.need(EXAMPLE, "place")
    url.only("from")
    where = split(f"//{url.place}")
    name, address = parseaddr(url.query.get("from", ""))
    if not where.hostname or not is_address(address) or url.path.strip("/"):
        raise WrongUrl(f"must be like {EXAMPLE}")
    login = (url.user, url.password) if url.user else None
    port = where.port or PORTS[url.scheme]
    return SmtpChannel(
        where.hostname, port, formataddr((name, address)), login=login, tls_at_once=url.scheme == "smtps"
    )
