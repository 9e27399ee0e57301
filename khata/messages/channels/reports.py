"""What providers report back: proving that it is theirs, and reading what came without trusting its shape."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from khata.messages.channels.interface import BadSignature

LONGEST_NAME = 200


def header(headers: Mapping[str, str], name: str) -> str:
    """The header's value whatever letters its name is written in, "" without one."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


def prove(given: str, expected: str, secret: str) -> None:
    """Raises BadSignature unless both are the same, compared in constant time. Without a secret nothing is proven."""
    if not secret or not hmac.compare_digest(given.encode(), expected.encode()):
        raise BadSignature


def form_of(raw_body: bytes) -> list[tuple[str, str]]:
    """The fields of a form in their order; [] where it is none."""
    try:
        return parse_qsl(raw_body.decode("utf-8"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return []


def json_of(raw_body: bytes | str) -> Any:
    """The JSON of a body, None where it is none."""
    try:
        return json.loads(raw_body)
    except (ValueError, RecursionError):
        return None


def objects(value: object) -> list[dict[str, Any]]:
    """The JSON objects of a list, of one object alone, or of nothing."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def text_of(value: object) -> str:
    """A name, number or id as text, "" for anything else; at most LONGEST_NAME characters."""
    return str(value)[:LONGEST_NAME] if isinstance(value, str | int) else ""


def moment_of(seconds: object) -> datetime | None:
    """The moment of seconds since 1970, as a number or in digits; None where it is none."""
    text = text_of(seconds)
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    return datetime.fromtimestamp(int(text), UTC)
