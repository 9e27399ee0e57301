"""Ways a message goes out. A channel gets plain values and holds no database session; a URL of the settings chooses it.

One small module a provider; `SCHEMES` says which one builds the channel of a URL.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from khata.messages.channels import url as _url
from khata.messages.channels.console import ConsoleChannel
from khata.messages.channels.interface import (
    BadSignature,
    Channel,
    ChannelError,
    OutcomeUnknown,
    Outgoing,
    Reply,
    Sent,
    StatusUpdate,
    Template,
)
from khata.messages.channels.url import WrongUrl

__all__ = [
    "BadSignature",
    "Channel",
    "ChannelError",
    "ConsoleChannel",
    "OutcomeUnknown",
    "Outgoing",
    "Reply",
    "Sent",
    "StatusUpdate",
    "Template",
    "WrongUrl",
    "build",
]

SCHEMES = {
    "console": "console",
    "https+sms": "http_sms",
    "http+sms": "http_sms",
    "twilio": "twilio",
    "msg91": "msg91",
    "whatsapp": "whatsapp_cloud",
    "smtp": "smtp",
    "smtps": "smtp",
    "web-push": "web_push",
}
APPRISE = "apprise+"
CHANNELS = {
    "sms": ("console", "https+sms", "http+sms", "twilio", "msg91", APPRISE),
    "whatsapp": ("console", "whatsapp", APPRISE),
    "email": ("console", "smtp", "smtps", APPRISE),
    "push": ("console", "web-push"),
}


def build(channel: str, text: str, data_dir: Path) -> Channel:
    """The channel ("sms", "whatsapp", "email", "push" or "apprise") of a setting's URL; raises WrongUrl.

    Nothing is opened, called or written by it.
    """
    if channel == "apprise":
        return _apprise(text)
    scheme = text.partition(":")[0].lower()
    known = CHANNELS[channel]
    if APPRISE in known and scheme.startswith(APPRISE):
        return _apprise(text[len(APPRISE) :])
    if scheme not in known or scheme not in SCHEMES:
        raise WrongUrl("must start with " + ", ".join(name if name == APPRISE else f"{name}:" for name in known))
    made: Channel = import_module(f"{__name__}.{SCHEMES[scheme]}").build(_url.read_url(text), data_dir)
    return made


def _apprise(text: str) -> Channel:
    from khata.messages.channels.apprise_urls import build_from

    return build_from(text)
