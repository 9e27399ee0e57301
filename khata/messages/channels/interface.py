"""What every channel has in common: what it is given, what it gives back, and how it says that it failed."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from khata.errors import Forbidden


class Template(NamedTuple):
    """A text that lies approved at the provider, and what fills its places.

    `name` is what the provider calls it. `parameters` are (name, text) in the order of the places: some providers go by
    the name, some by the order. `button` is what follows in the address of the template's button. `header` and `dlt_id`
    are India's registered sender and template id, where they are not the channel's own.
    """

    name: str
    parameters: tuple[tuple[str, str], ...] = ()
    button: str = ""
    header: str = ""
    dlt_id: str = ""


class Outgoing(NamedTuple):
    """What a channel needs to know of a message.

    `to` is a number in E.164, an e-mail address or, for Web Push, the subscription as the browser gave it (JSON).
    `body` is the whole text, with its link in it; `link` is for channels that open it by a tap. `lang` is a locale.
    """

    id: str
    channel: str
    to: str
    body: str
    subject: str = ""
    lang: str = ""
    template: Template | None = None
    link: str = ""


class Sent(NamedTuple):
    """The provider has it. `provider_id` is what its status reports will name, None where it names nothing."""

    provider_id: str | None = None


class ChannelError(Exception):
    """It was not sent; its text never holds a number, a body or a secret.

    `is_permanent`: trying again is of no use. `retry_after`: seconds that the provider wants us to wait.
    `is_gone`: the address itself is no more, forget it.
    """

    def __init__(
        self, message: str, *, is_permanent: bool = False, retry_after: int | None = None, is_gone: bool = False
    ) -> None:
        super().__init__(message)
        self.is_permanent = is_permanent
        self.retry_after = retry_after
        self.is_gone = is_gone


class OutcomeUnknown(Exception):
    """It may have gone out or not: never repeated, unless the channel takes an idempotency key."""


class BadSignature(Forbidden):
    """A report that is not proven to come from the provider."""

    code = "bad_signature"


class StatusUpdate(NamedTuple):
    """What became of a message: `state` is sent, delivered, read or failed; `at` is None where the provider is silent.

    Updates repeat and come in any order.
    """

    provider_id: str
    state: str
    at: datetime | None = None
    error: str | None = None
    is_permanent: bool = False


class Reply(NamedTuple):
    """What somebody wrote back, perhaps STOP; `sender` is E.164 where the provider knows it."""

    sender: str
    text: str


class Channel(Protocol):
    """One way out. `takes_idempotency_key`: it passes Outgoing.id, so that sending twice is sending once."""

    takes_idempotency_key: bool

    def send(self, message: Outgoing) -> Sent:
        """Send `message`; raises ChannelError or OutcomeUnknown."""
