"""Structured logs: one JSON line each, with the request's id, never what somebody typed."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from secrets import token_hex
from typing import Any

import structlog
from flask import Flask

QUOTING = ("sqlalchemy", "sqlite3", "psycopg")


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


def init_app(app: Flask) -> None:
    """Set up structlog, and give every request an id."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _tell_fault,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )

    @app.before_request
    def name_request() -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=token_hex(8))
