"""The URL of a setting, taken apart. What is said of a wrong one never quotes it: it may hold a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class WrongUrl(ValueError):
    """The URL of a channel can't be used; the text follows the setting's name in a sentence."""


@dataclass(frozen=True)
class Url:
    """`user` and `password` as meant (not percent-encoded), `place` as written between @ and path."""

    scheme: str
    user: str
    password: str
    place: str
    path: str
    query: dict[str, str] = field(default_factory=dict)

    def need(self, example: str, *parts: str) -> None:
        """Raises WrongUrl where one of the named parts is empty."""
        if not all(getattr(self, part) for part in parts):
            raise WrongUrl(f"must be like {example}")

    def only(self, *names: str) -> None:
        """Raises WrongUrl where the query has another field: a slip would change nothing, silently."""
        unknown = sorted(name for name in self.query if name not in names)
        if unknown:
            raise WrongUrl(f"may have {', '.join(names) or 'nothing'} after the question mark, and nothing else")

    def base(self, default: str) -> str:
        """Where the provider listens: `base` of the query or `default`. Only this machine is spoken to in clear."""
        address = self.query.get("base", default).rstrip("/")
        parts = split(address)
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(address))):
            raise WrongUrl("must have a base that starts with https://")
        return address


def read_url(text: str) -> Url:
    """`text` taken apart; raises WrongUrl."""
    if any(char.isspace() or not char.isprintable() for char in text):
        raise WrongUrl("must be one URL, without spaces")
    parts = split(text)
    who, _at, place = parts.netloc.rpartition("@")
    user, _colon, password = who.partition(":")
    fields = parse_qsl(parts.query, keep_blank_values=True)
    if len(dict(fields)) != len(fields):
        raise WrongUrl("has a field twice after the question mark")
    return Url(parts.scheme, unquote(user), unquote(password), unquote(place), parts.path, dict(fields))


def split(text: str) -> SplitResult:
    """urlsplit that raises WrongUrl."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # it is read only here, and may be wrong
    except ValueError:
        raise WrongUrl("can't be read as a URL") from None
    return parts


def is_loopback(address: str) -> bool:
    """Whether `address` is on this machine."""
    return split(address).hostname in LOOPBACK
