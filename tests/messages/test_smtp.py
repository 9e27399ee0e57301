"""E-mail, by a real SMTP server on this machine that checks what it is told."""

from __future__ import annotations

import email
import socket
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from khata.messages.channels import Channel, ChannelError, OutcomeUnknown, Outgoing, build
from khata.messages.channels.smtp import is_address
from tests.messages.provider import BODY, own_certificate

ASHA = "asha@shop.example"


class Mailbox:
    """What came; `says` is the answer to each verb where it isn't yes."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.logins: list[tuple[str, str]] = []
        self.envelopes: list[tuple[str, list[str], bool]] = []
        self.says: dict[str, str] = {}

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, _options: Any) -> str:
        """Take the recipient, or what we were told to say."""
        if "RCPT" not in self.says:
            envelope.rcpt_tos.append(address)
        return self.says.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail, or say what we were told to."""
        assert isinstance(envelope.content, bytes)
        self.mails.append(email.message_from_bytes(envelope.content, policy=default))
        self.envelopes.append((str(envelope.mail_from), envelope.rcpt_tos, session.ssl is not None))
        return self.says.get("DATA", "250 OK")

    def login(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        """Take one login."""
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"pass/word", handled=False)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The server's, which this process trusts."""
    paths = own_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(paths[0]))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*paths)
    return context


@pytest.fixture
def mailbox() -> Mailbox:
    """An empty one."""
    return Mailbox()


def serve(mailbox: Mailbox, at_once: ssl.SSLContext | None = None, **options: Any) -> Controller:
    """A mail server at a free port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = Controller(mailbox, "127.0.0.1", port, ssl_context=at_once, authenticator=mailbox.login, **options)
    server.start()
    return server


@pytest.fixture
def starttls(mailbox: Mailbox, certificate: ssl.SSLContext) -> Iterator[Controller]:
    """Takes nothing before STARTTLS."""
    server = serve(mailbox, tls_context=certificate, require_starttls=True, auth_required=True)
    yield server
    server.stop()


@pytest.fixture
def plain(mailbox: Mailbox) -> Iterator[Controller]:
    """Knows no TLS: on this machine only."""
    server = serve(mailbox)
    yield server
    server.stop()


def channel(where: str, scheme: str = "smtp") -> Channel:
    """The channel of a server."""
    made = build("email", f"{scheme}://{where}?from=Asha%20Store%20<khata@shop.example>", Path("/nowhere"))
    made.timeout_seconds = 1.0  # type: ignore[attr-defined]
    return made


def at(server: Controller, login: str = "") -> str:
    """The server's place in a URL."""
    return f"{login}127.0.0.1:{server.port}"


@pytest.fixture
def letter(message: Outgoing) -> Outgoing:
    """A message to an e-mail address."""
    return message._replace(
        channel="email", to=ASHA, subject="बाक़ी रकम\r\nBcc: other@shop.example", body=f".\n..\n{BODY}"
    )


def assert_is_the_letter(mail: EmailMessage, letter: Outgoing) -> None:
    """Nothing is lost, and nobody else is named."""
    assert (mail["To"], mail["From"]) == (ASHA, "Asha Store <khata@shop.example>")
    assert mail["Subject"] == "बाक़ी रकम Bcc: other@shop.example"
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == f"<{letter.id}@shop.example>"
    assert (mail["Content-Language"], mail["Auto-Submitted"]) == ("hi", "auto-generated")
    assert mail["Date"].datetime.tzinfo is not None
    assert mail.get_content().replace("\r\n", "\n").rstrip("\n") == letter.body


def test_over_tls_with_a_login(starttls: Controller, mailbox: Mailbox, letter: Outgoing) -> None:
    sent = channel(at(starttls, "us%40er:pass%2Fword@")).send(letter)
    assert sent.provider_id == f"<{letter.id}@shop.example>"
    assert mailbox.logins == [("us@er", "pass/word")]
    assert mailbox.envelopes == [("khata@shop.example", [ASHA], True)]
    assert_is_the_letter(mailbox.mails[0], letter)


def test_a_dot_alone_ends_nothing(plain: Controller, mailbox: Mailbox, letter: Outgoing) -> None:
    channel(at(plain)).send(letter._replace(body=".\n..\n.hidden\nend"))
    assert mailbox.mails[0].get_content().split() == [".", "..", ".hidden", "end"]


def test_tls_at_once(mailbox: Mailbox, certificate: ssl.SSLContext, letter: Outgoing) -> None:
    server = serve(mailbox, certificate, auth_require_tls=False)
    try:
        channel(at(server, "u:pass%2Fword@"), "smtps").send(letter)
    finally:
        server.stop()
    assert_is_the_letter(mailbox.mails[0], letter)


def test_an_unknown_certificate_hears_no_password(
    starttls: Controller, mailbox: Mailbox, letter: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ChannelError) as caught:
        channel(at(starttls, "u:SECRET@")).send(letter)
    assert not caught.value.is_permanent
    assert mailbox.logins == []


def test_a_server_without_tls_elsewhere_is_refused(
    plain: Controller, mailbox: Mailbox, letter: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = channel(at(plain))
    monkeypatch.setattr("khata.messages.channels.smtp.is_loopback", lambda _host: False)
    with pytest.raises(ChannelError, match="no TLS") as caught:
        one.send(letter)
    assert caught.value.is_permanent
    assert mailbox.mails == []


def test_a_wrong_login_is_permanent(starttls: Controller, letter: Outgoing) -> None:
    with pytest.raises(ChannelError, match="535") as caught:
        channel(at(starttls, "u:SECRET@")).send(letter)
    assert caught.value.is_permanent


@pytest.mark.parametrize("verb", ["RCPT", "DATA"])
@pytest.mark.parametrize(("said", "is_permanent"), [("451 later", False), ("550 no such mailbox", True)])
def test_a_no(plain: Controller, mailbox: Mailbox, letter: Outgoing, verb: str, said: str, is_permanent: bool) -> None:
    mailbox.says[verb] = f"{said} {ASHA}"
    with pytest.raises(ChannelError) as caught:
        channel(at(plain)).send(letter)
    assert caught.value.is_permanent is is_permanent
    assert said[:3] in str(caught.value)
    assert ASHA not in str(caught.value)


def test_nobody_there(letter: Outgoing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ChannelError) as caught:
        channel(f"127.0.0.1:{port}").send(letter)
    assert not caught.value.is_permanent


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ([], ChannelError),  # hangs up at once
        ([b"220 hi\r\n", b"250 hi\r\n"], ChannelError),  # after EHLO
        ([b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n"], ChannelError),  # at DATA
        ([b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"], OutcomeUnknown),  # after the text
    ],
)
@pytest.mark.parametrize("hangs", [True, False])
def test_a_server_that_breaks_off(letter: Outgoing, script: list[bytes], error: type[Exception], hangs: bool) -> None:
    """Once the whole text is out and no answer came, nobody knows."""
    over = threading.Event()

    def talk(listening: socket.socket) -> None:
        connection, _address = listening.accept()
        with connection, connection.makefile("rb") as lines:
            for number, answer in enumerate(script):
                if number:
                    lines.readline()
                connection.sendall(answer)
            if script:
                lines.readline()
            if error is OutcomeUnknown:
                while lines.readline() != b".\r\n":
                    pass
            if hangs:
                over.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=talk, args=(listening,))
        thread.start()
        with pytest.raises(error):
            channel(f"127.0.0.1:{listening.getsockname()[1]}").send(letter)
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "text",
    ["", "asha", "a@b@c", "a b@c.example", "a,b@c.example", "a@c.example\r\nBcc: d@e", "<a@c.example>", "आ@c.example",
     "a@c.example, b@c.example", '"a"@c.example', "a@"],
)  # fmt: skip
def test_what_names_no_single_mailbox_is_not_sent_to(plain: Controller, letter: Outgoing, text: str) -> None:
    assert not is_address(text)
    with pytest.raises(ChannelError) as caught:
        channel(at(plain)).send(letter._replace(to=text))
    assert caught.value.is_permanent


@pytest.mark.parametrize("text", ["a@c.example", "first.last+tag@sub.c.example", "o'neil_9@c-d.example"])
def test_ordinary_addresses(text: str) -> None:
    assert is_address(text)
