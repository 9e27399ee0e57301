"""The way to a gateway: one session that its client must use, so that each answer and each failure is told apart here.

The official clients follow redirects, wait for ever or for 80 seconds, print, quote bodies, lose the status, and bring
a list of authorities from 2015. None of that happens here, whatever a client asks for.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ConnectTimeout, ProxyError, RequestException
from urllib3.exceptions import MaxRetryError, NewConnectionError

from khata.payments.gateways.contract import GatewayError, OutcomeUnknown
from khata.payments.gateways.reading import short_code

CONNECT_SECONDS, READ_SECONDS = 5, 20

Tag = Callable[[dict[str, Any]], Any]
"""Finds the gateway's own error code in the body of a refusal."""


class Wire(requests.Session):
    """A session that is safe to share between threads: it keeps no cookie."""

    def __init__(self, name: str, tag: Tag, timeout: tuple[int, int] = (CONNECT_SECONDS, READ_SECONDS)) -> None:
        super().__init__()
        self.name, self.tag, self.timeout = name, tag, timeout
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # With no `auth` at all, requests would take a password out of ~/.netrc and send that in place of the key.
        self.auth = lambda prepared: prepared

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """The answer: 2xx, and a JSON object. Raises GatewayError, OutcomeUnknown for everything else."""
        verb = str(method).upper()
        # True takes the authorities of certifi, or of REQUESTS_CA_BUNDLE.
        options |= {"timeout": self.timeout, "allow_redirects": False, "verify": True}
        try:
            answer = super().request(verb, url, *args, **options)
        except RequestException as error:
            # From None: the text of these quotes addresses, and with them what was asked for.
            raise self._lost(verb, _was_sent(error)) from None
        if not 200 <= answer.status_code < 300:
            raise self._refused(verb, answer.status_code, _object(answer.content))
        if _object(answer.content) is None:
            raise self._lost(verb, True)
        return answer

    def _lost(self, verb: str, was_sent: bool) -> GatewayError:
        if was_sent and verb != "GET":
            return OutcomeUnknown(f"{self.name} did not say whether it was done", code="no_answer")
        return GatewayError(f"{self.name} can't be reached", code="unreachable")

    def _refused(self, verb: str, status: int, body: dict[str, Any] | None) -> GatewayError:
        code = short_code(self.tag(body or {})) or str(status)
        if status >= 500 or status == 408:
            lost = self._lost(verb, True)
            return type(lost)(f"{self.name} is out of order ({status})", code=code)
        # 409: the same is being done at this moment. 429: asked too often.
        is_permanent = status not in (409, 425, 429)
        return GatewayError(f"{self.name} refused ({status}, {code})", is_permanent=is_permanent, code=code)


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _was_sent(error: RequestException) -> bool:
    """False only where it is sure that nothing reached the gateway."""
    if isinstance(error, ConnectTimeout | ProxyError):
        return False
    cause = error.args[0] if isinstance(error, NoConnection) and error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    return not (isinstance(reason, NewConnectionError) or _has(reason, ssl.SSLCertVerificationError))


def _has(error: BaseException | None, kind: type[BaseException]) -> bool:
    while error is not None and not isinstance(error, kind):
        inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        error = inner or error.__cause__ or error.__context__
    return error is not None
