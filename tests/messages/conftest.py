"""What tests of channels share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from khata.messages.channels import Outgoing
from khata.messages.channels.http_call import Caller
from tests.messages.provider import BODY, NUMBER, Provider, provider_here


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider at a free port."""
    with provider_here() as provider:
        yield provider


@pytest.fixture
def message() -> Outgoing:
    """One message with everything in it that is easily broken."""
    return Outgoing("0198c1c8-7a1e-7bbb-8aaa-0123456789ab", "sms", NUMBER, BODY, subject="Due", lang="hi")


@pytest.fixture(autouse=True)
def _connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A channel lives as long as the worker; a test's ends with it."""
    opened: list[Caller] = []
    make = Caller.__init__

    def remember(self: Caller, *args: float, **kwargs: float) -> None:
        make(self, *args, **kwargs)
        opened.append(self)

    monkeypatch.setattr(Caller, "__init__", remember)
    yield
    for caller in opened:
        caller.close()


@pytest.fixture(autouse=True)
def _nothing_is_told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever happens to a message, no log has number, body or secret."""
    caplog.set_level(logging.DEBUG)
    yield
    told = caplog.text
    for private in (NUMBER, NUMBER[1:], BODY[:10], "SECRET"):
        assert private not in told
