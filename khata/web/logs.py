"""Structured logs: one JSON line each, with the request's id and who sent it, never what somebody typed."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from secrets import token_hex
from typing import Any

import structlog
from flask import Flask, current_app, g, has_request_context, request
from werkzeug.exceptions import ClientDisconnected, LengthRequired, RequestEntityTooLarge

from khata.errors import Busy, CrossSite, Forbidden, NotFound, TooLarge, TooMany

QUOTING = ("sqlalchemy", "sqlite3", "psycopg")

# What is told of security, and what each line means; docs/security.md lists them.
SECURITY_EVENTS = {
    "session.begun": "somebody signed in, by `method`; who was there before on this browser is out",
    "session.proved": "somebody signed in has proved anew who they are, by `method`",
    "session.ended": "somebody signed out, or locked the phone",
    "session.refused": "a session's cookie came that opens nothing: `unknown` or `ended`",
    "code.sent": "a code was asked for and is on its way",
    "code.refused": "a typed code was not taken, and why",
    "passkey.refused": "a passkey was not taken, and why",
    "recovery.refused": "a recovery code was not taken, and why",
    "pin.refused": "a PIN was wrong, or has to wait",
    "pin.blocked": "too many wrong PINs: only a code or passkey opens now",
    "device.signed_out": "somebody signed out a device from afar",
    "access.refused": "a member lacks the `permission` for a route",
    "access.not_there": "an id that is not there, or is another shop's; an invitation that no longer holds",
    "access.cross_site": "a form came from a page that is not ours",
    "webhook.refused": "something came for a gateway that the gateway has not signed",
    "limit.reached": "somebody did something too often",
    "input.refused": "a request was too large, without a length, cut off, or one too many at a time",
}
FACTS = frozenset({"method", "reason", "permission", "person_id", "member_id", "device_id", "shop_id"})
WARNINGS = frozenset({"pin.blocked", "access.refused", "access.cross_site", "limit.reached"})

_log = structlog.get_logger()


def security_event(name: str, **facts: Any) -> None:
    """Write a line about security: one of SECURITY_EVENTS, with FACTS alone, so that nothing private can stand there.

    Request, route, person, member, device and shop are added where they are known.
    """
    if name not in SECURITY_EVENTS or facts.keys() - FACTS:
        raise LookupError(f"not to be logged: {name} {sorted(facts.keys() - FACTS)}")
    told = {key: str(value) for key, value in facts.items() if value is not None}
    (_log.warning if name in WARNINGS else _log.info)(name, kind="security", **told)


def tell_refusal(error: Exception) -> None:
    """Write down what was refused, where that is a matter of security."""
    if isinstance(error, CrossSite):
        security_event("access.cross_site")
    elif isinstance(error, Forbidden):
        view = current_app.view_functions.get(request.endpoint or "")
        security_event("access.refused", permission=getattr(view, "khata_access", None))
    elif isinstance(error, TooMany):
        security_event("limit.reached", reason=error.code)
    elif isinstance(error, NotFound) and request.view_args:
        security_event("access.not_there", reason=error.code)
    elif isinstance(error, TooLarge | Busy | RequestEntityTooLarge | LengthRequired | ClientDisconnected):
        security_event("input.refused", reason=type(error).__name__)


def _tell_who(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if not has_request_context():
        return event
    event.setdefault("route", str(request.url_rule) if request.url_rule else "none")
    event.setdefault("verb", request.method)
    if "person_id" in event:
        return event  # whom this is about is told: not who was there before
    person, actor, device_id = g.get("person"), g.get("actor"), g.get("device_id")
    if person:
        event["person_id"], event["device_id"] = str(person.id), str(device_id)
    if actor:
        event["member_id"], event["shop_id"] = str(actor.member_id), str(actor.shop_id)
    return event


def _tell_fault(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Where a fault happened and of what kind. What a database says of it is left out: it quotes what was typed."""
    error = event.pop("exc_info", None)
    told = []
    while isinstance(error, BaseException):
        frames = "".join(traceback.format_tb(error.__traceback__))
        kind = type(error)
        quotes = kind.__module__.partition(".")[0] in QUOTING
        told.append(f"{frames}{kind.__module__}.{kind.__qualname__}" + ("" if quotes else f": {error}"))
        error = error.__cause__ or error.__context__
    if told:
        event["exception"] = "\ncaused by\n".join(told)
    return event


class Lines(logging.Handler):
    """What libraries, the web server and the worker say, as lines like ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        fault = record.exc_info[1] if record.exc_info else None
        _log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=fault)


def init_app(app: Flask) -> None:
    """Set up structlog, take in what others log, and give every request an id."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _tell_who,
            _tell_fault,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[Lines()], level=logging.WARNING)
    server = logging.getLogger("_granian")
    if server.handlers:  # set up by Granian, in its worker
        server.handlers = [Lines()]

    @app.before_request
    def name_request() -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=token_hex(8))
