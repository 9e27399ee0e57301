"""Ids: UUIDv7 (RFC 9562), made by the phone or, where it has no script, by the server."""

from __future__ import annotations

from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

from khata.errors import Invalid


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid7()


def parse_id(text: str) -> UUID:
    """The id a form carries, a fresh one where it carries none; raises Invalid for anything else."""
    if not text:
        return new_id()
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(code="bad_id") from None


def derived_id(space: UUID, name: str) -> UUID:
    """The same id for the same `name` in `space` (UUIDv5): makes an import repeatable."""
    return uuid5(space, name)
