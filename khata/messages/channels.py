"""Ways a message goes out. A channel gets plain values and holds no database session."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple, Protocol


class Outgoing(NamedTuple):
    """What a channel needs to know of a message."""

    id: str
    channel: str
    to: str
    body: str


class ChannelError(Exception):
    """It was not sent; `is_permanent` says that trying again is of no use."""

    def __init__(self, message: str, *, is_permanent: bool = False) -> None:
        super().__init__(message)
        self.is_permanent = is_permanent


class Channel(Protocol):
    """One way out."""

    def send(self, message: Outgoing) -> None:
        """Send `message`; raises ChannelError."""


class ConsoleChannel:
    """For an installation without a provider: one JSON line a message, in a file and on the screen."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "outbox.jsonl"

    def send(self, message: Outgoing) -> None:
        """Append the line and print it; raises ChannelError where the file can't be written."""
        fields = {"channel": message.channel, "to": message.to, "body": message.body, "id": message.id}
        line = json.dumps(fields, ensure_ascii=False) + "\n"
        try:
            descriptor = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise ChannelError(error.strerror or "the file can't be written") from error
        sys.stdout.write(line)
        sys.stdout.flush()
