"""Requests to a provider: no redirect is followed, certificates are checked, and every failure says what it means.

A request that can't have arrived is a ChannelError. One that may have arrived without our hearing how it ended is an
OutcomeUnknown: a timeout while reading, a connection cut after sending, a 5xx that doesn't say "not taken".
"""

from __future__ import annotations

import json
import logging
import threading
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from khata.core import clock
from khata.messages.channels.interface import ChannelError, OutcomeUnknown

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 20.0
MOST_ANSWER_BYTES = 64 * 1024
MOST_RETRY_AFTER = 24 * 3600
PASSING = (408, 425, 429, 503)  # the provider itself says: not now
SERVER_ERROR = 500

# Addresses may hold keys and numbers, and both libraries would write them down.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Answer(NamedTuple):
    """What the provider said; `headers` by small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    def fields(self) -> dict[str, Any]:
        """The JSON object of the body, {} where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Caller:
    """One provider's client: connections are kept and shared by the worker's threads."""

    def __init__(self, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.answer_seconds = answer_seconds
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()

    def ask(self, method: str, address: str, **request: Any) -> Answer:
        """Send the request (httpx's own arguments) and give the answer; raises ChannelError or OutcomeUnknown."""
        import httpx

        try:
            return self._ask(method, address, request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError):
            raise ChannelError("the provider can't be reached") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError):
            raise ChannelError("the address of the provider can't be used", is_permanent=True) from None
        except httpx.TimeoutException:
            raise OutcomeUnknown("the provider did not answer in time") from None
        except httpx.HTTPError:
            raise OutcomeUnknown("the connection was lost before the answer came") from None

    def close(self) -> None:
        """Let the connections go; the next request opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _ask(self, method: str, address: str, request: dict[str, Any]) -> Answer:
        until = time.monotonic() + self.answer_seconds + CONNECT_SECONDS
        body = b""
        with self._open().stream(method, address, **request) as response:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MOST_ANSWER_BYTES:
                    break  # whatever it tells, we have what we need
                if time.monotonic() > until:
                    raise OutcomeUnknown("the provider did not answer in time")
            return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    def _open(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._client is None:
                timeout = httpx.Timeout(self.answer_seconds, connect=CONNECT_SECONDS)
                self._client = httpx.Client(timeout=timeout, follow_redirects=False)
            return self._client


def raise_refusal(answer: Answer, code: object = "", *, passing: bool | None = None) -> None:
    """Raise what an answer other than 2xx means; `code` is the provider's own, `passing` what the channel knows."""
    if 200 <= answer.status < 300:
        return
    said = f"the provider answered {answer.status}" + (f", code {code}" if code not in ("", None) else "")
    if passing is None:
        if answer.status >= SERVER_ERROR and answer.status not in PASSING:
            raise OutcomeUnknown(said)
        passing = answer.status in PASSING
    raise ChannelError(said, is_permanent=not passing, retry_after=retry_after(answer) if passing else None)


def retry_after(answer: Answer) -> int | None:
    """Seconds of the Retry-After header (RFC 9110, 10.2.3: a number or a date), a day at most; None without one."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), MOST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
        seconds = (moment - clock.now()).total_seconds()
    except (ValueError, TypeError):  # no date, or one without a zone
        return None
    return max(0, min(int(seconds) + 1, MOST_RETRY_AFTER))
