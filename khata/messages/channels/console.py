"""For an installation without a provider: one JSON line a message, in a file and on the screen."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from khata.messages.channels.interface import ChannelError, Outgoing, Sent
from khata.messages.channels.url import Url, WrongUrl


class ConsoleChannel:
    """Appends to `outbox.jsonl` in the data folder, and prints."""

    takes_idempotency_key = False

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "outbox.jsonl"

    def send(self, message: Outgoing) -> Sent:
        """Append the line and print it; raises ChannelError where the file can't be written."""
        fields = {"channel": message.channel, "to": message.to, "body": message.body, "id": message.id}
        more = {"subject": message.subject, "lang": message.lang, "link": message.link}
        fields |= {name: text for name, text in more.items() if text}
        if message.template:
            fields["template"] = message.template.name
        line = json.dumps(fields, ensure_ascii=False) + "\n"
        try:
            descriptor = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise ChannelError(error.strerror or "the file can't be written") from error
        sys.stdout.write(line)
        sys.stdout.flush()
        return Sent()


def build(url: Url, data_dir: Path) -> ConsoleChannel:
    """`console:`; raises WrongUrl."""
    if url.place or url.path or url.query:
        raise WrongUrl("must be console: and nothing after it")
    return ConsoleChannel(data_dir)
