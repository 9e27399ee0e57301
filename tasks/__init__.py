"""Huey: the doorbell. The row in the database is the queue of record; a missed bell is made up by the sweep."""

from __future__ import annotations

import functools
import hmac
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Flask
from huey import Huey, PriorityRedisExpireHuey, SqliteHuey
from huey.serializer import SignedSerializer
from huey.storage import PostgresStorage

from khata.core.row_security import EVERY_SHOP, seeing
from khata.settings import Settings, load_settings


class Sha256Serializer(SignedSerializer):
    """Huey's signed serializer with SHA-256 for its SHA-1."""

    def _signature(self, message: bytes) -> bytes:
        return hmac.new(self._key, message, "sha256").hexdigest().encode()


def create_huey(settings: Settings) -> Huey:
    """The queue that `KHATA_QUEUE_URL` names."""
    serializer = Sha256Serializer(secret=settings.secret_key, salt="khata-tasks")
    options: dict[str, Any] = {"serializer": serializer, "results": False}
    url = settings.queue_url
    if url.startswith("sqlite:///"):
        return SqliteHuey("khata", filename=url.removeprefix("sqlite:///"), fsync=False, **options)
    if urlsplit(url).scheme in ("redis", "rediss"):
        return PriorityRedisExpireHuey("khata", url=url, **options)
    return Huey("khata", storage_class=PostgresStorage, dsn=url, **options)


huey = create_huey(load_settings())


def bind(app: Flask) -> None:
    """Let tasks run inside `app`."""
    global _app
    _app = app


_app: Flask | None = None
P = ParamSpec("P")
R = TypeVar("R")


def in_app(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` inside the app, with a database session of its own."""

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        if _app is None:
            raise RuntimeError("tasks.bind(app) was not called")
        with _app.app_context(), seeing(EVERY_SHOP):
            return function(*args, **kwargs)

    return inside
