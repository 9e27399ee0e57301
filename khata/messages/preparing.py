"""Who makes a message to a party ready as it goes out: the room that its kind belongs to says so here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from khata.messages.actions import Later, Skip
from khata.messages.channels import Outgoing

Prepare = Callable[[Any, str, str], Outgoing | Skip | Later]
_by_kind: dict[str, Prepare] = {}


def prepared_by(*kinds: str) -> Callable[[Prepare], Prepare]:
    """Mark the function that makes messages of `kinds` ready: it gets the claimed row, the secret, our address."""

    def mark(prepare: Prepare) -> Prepare:
        _by_kind.update(dict.fromkeys(kinds, prepare))
        return prepare

    return mark


def prepare(row: Any, secret: str, public_url: str) -> Outgoing | Skip | Later:
    """What goes out of a claimed row; one of Khata's own is ready as it stands."""
    make = _by_kind.get(row.kind)
    if make is not None:
        return make(row, secret, public_url)
    return Outgoing(str(row.id), row.channel, row.recipient, row.body, lang=row.lang)
