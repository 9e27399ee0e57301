"""Is it up, is it ready, how is it doing."""

from __future__ import annotations

import hmac
import time
from ipaddress import ip_address

import sqlalchemy as sa
from flask import Flask, Response, current_app, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from khata.core.db import db
from khata.errors import NotFound
from khata.settings import Settings
from khata.web.auth import public
from khata.web.metrics import SECONDS, count
from tasks.schedule import worker_seen_seconds_ago

WORKER_LATE_SECONDS = 180
FORWARDED = frozenset({"forwarded", "via", "x-real-ip"})


def init_app(app: Flask) -> None:
    """Add the three addresses and count every request."""
    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
    app.add_url_rule("/metrics", "metrics", metrics)
    app.before_request(_start_clock)
    app.after_request(_count)


@public
def healthz() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@public
def readyz() -> tuple[Response, int]:
    """Database, queue and worker: 200 where all are well, 503 otherwise."""
    checks = {"database": _database_answers(), "queue": True, "worker": False}
    try:
        seen = worker_seen_seconds_ago()
        checks["worker"] = seen is not None and seen < WORKER_LATE_SECONDS
    except Exception:
        checks["queue"] = False
    return jsonify(checks), 200 if all(checks.values()) else 503


def _database_answers() -> bool:
    try:
        db.session.execute(sa.text("SELECT 1 FROM shops LIMIT 1"))
    except sa.exc.SQLAlchemyError:
        return False
    return True


@public
def metrics() -> Response:
    """Prometheus figures: to this machine, or to whoever has KHATA_METRICS_TOKEN."""
    settings: Settings = current_app.config["KHATA"]
    given = request.headers.get("Authorization", "")
    if settings.metrics_token:
        allowed = hmac.compare_digest(given.encode(), f"Bearer {settings.metrics_token}".encode())
    else:
        allowed = _is_this_machine(request.remote_addr or "") and not _is_forwarded()
    if not allowed:
        raise NotFound
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _is_forwarded() -> bool:
    """True where somebody passed the request on: from a proxy on this machine everybody comes from this machine."""
    names = [name.lower() for name, _value in request.headers]
    return any(name.startswith("x-forwarded") or name in FORWARDED for name in names)


def _is_this_machine(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _start_clock() -> None:
    g.started = time.perf_counter()


def _count(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "none"
    count(route, request.method, response.status_code)
    if "started" in g:
        SECONDS.labels(route).observe(time.perf_counter() - g.started)
    return response
