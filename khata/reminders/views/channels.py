"""Which channels this installation can write to parties by."""

from __future__ import annotations

from flask import current_app
from flask_babel import gettext

from khata.messages.channels import ConsoleChannel
from khata.messages.models import AUTOMATIC


def offered() -> list[str]:
    """Those that are set up. The console is a channel for trying out: where people reach us over https, it is none."""
    channels, is_https = current_app.extensions["khata_channels"], current_app.config["KHATA"].is_https
    found = [name for name in AUTOMATIC if name in channels]
    return [name for name in found if not (is_https and isinstance(channels[name], ConsoleChannel))]


def labelled() -> list[tuple[str, str]]:
    """The same with the name that people know each by."""
    labels = {"sms": gettext("SMS"), "whatsapp": gettext("WhatsApp")}
    return [(name, labels[name]) for name in offered()]
