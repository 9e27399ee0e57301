"""One transaction a request: a write starts as a write, and is committed when its view has answered."""

from __future__ import annotations

from flask import Flask, Response, g, request

from khata.core import db as database

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def init_app(app: Flask) -> None:
    """Commit after every view of an unsafe method; what raised is rolled back by `roll_back`."""
    app.after_request(_commit)


def begin() -> None:
    """Start the request's write transaction; called once the request may write."""
    database.begin_write()
    g.writes = True


def roll_back() -> None:
    """Undo everything the request has written so far."""
    g.writes = False
    database.rollback()


def _commit(response: Response) -> Response:
    if request.method not in SAFE_METHODS and g.get("writes"):
        g.writes = False
        try:
            database.commit()
        except BaseException:
            database.rollback()
            raise
    return response
