"""Deny by default. Every view says who may call it: `@public`, `@signed_in` (shop or not) or `@allow(permission)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, Response, current_app, g, redirect, request, url_for

from khata.accounts import actions, permissions, queries
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import transaction
from khata.core.tokens import key_of, proves
from khata.errors import CrossSite, Forbidden, TooLarge
from khata.web import cookies, transactions

PUBLIC, SIGNED_IN = "public", "signed in"
DEVICE = "device"
ORDINARY_BODY = 256 * 1024

View = Callable[..., Any]


class CurrentShop(NamedTuple):
    """The shop of the request."""

    id: UUID
    name: str
    category: str
    currency: str
    time_zone: str
    country: str


class CurrentPerson(NamedTuple):
    """Who sent the request."""

    id: UUID
    name: str
    phone: str
    lang: str


def public(view: View) -> View:
    """Everybody may call this view."""
    view.khata_access = PUBLIC  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Whoever is signed in may call this view, with or without a shop."""
    view.khata_access = SIGNED_IN  # type: ignore[attr-defined]
    return view


def allow(permission: str) -> Callable[[View], View]:
    """Members of the current shop who have `permission` may call this view."""
    if permission not in permissions.PERMISSIONS:
        raise LookupError(f"no such permission: {permission}")

    def mark(view: View) -> View:
        view.khata_access = permission  # type: ignore[attr-defined]
        return view

    return mark


def may(permission: str) -> bool:
    """True where the member of this request has `permission`."""
    return permission in g.get("permissions", ())


def require(permission: str) -> None:
    """Raise Forbidden where the member has not `permission`."""
    if not may(permission):
        raise Forbidden


def takes(max_bytes: int) -> Callable[[View], View]:
    """This view takes bodies of up to `max_bytes`, for uploads."""

    def mark(view: View) -> View:
        view.khata_body = max_bytes  # type: ignore[attr-defined]
        return view

    return mark


def init_app(app: Flask) -> None:
    """Guard every request."""
    app.before_request(_guard)


def require_named_access(app: Flask) -> None:
    """Refuse to start with a view that does not say who may call it."""
    nameless = [name for name, view in app.view_functions.items() if not hasattr(view, "khata_access")]
    if nameless:
        raise RuntimeError(f"views without @public, @signed_in or @allow: {', '.join(sorted(nameless))}")


def _guard() -> Response | None:
    g.shop = g.person = g.actor = g.token_hash = g.device_id = None
    if request.endpoint is None:
        return None  # no such address: the router raises it
    view = current_app.view_functions[request.endpoint]
    writes = request.method not in transactions.SAFE_METHODS
    if writes:
        _refuse_cross_site()
    is_stale = _load_session()
    elsewhere = _refuse_without_access(getattr(view, "khata_access", ""))
    if elsewhere is not None:
        return elsewhere
    if writes:
        _read_body(getattr(view, "khata_body", ORDINARY_BODY))
        transactions.begin()
    if is_stale:
        _see_session(writes)
    return None


def _refuse_without_access(access: str) -> Response | None:
    if access == PUBLIC:
        return None
    if g.person is None:
        return _to("accounts.sign_in")
    if access == SIGNED_IN:
        return None
    if g.shop is None:
        return _to("accounts.shops" if queries.shops_of(g.person.id) else "accounts.new_shop")
    require(access)
    return None


def _read_body(most_bytes: int) -> None:
    """Take the whole body in before the write begins: a phone on 2G must not hold up the other writers."""
    request.max_content_length = most_bytes
    if (request.content_length or 0) > most_bytes:
        raise TooLarge
    request.form  # noqa: B018


def _to(endpoint: str) -> Response:
    if request.headers.get("HX-Request"):
        return Response("", 403, {"HX-Redirect": url_for(endpoint)})  # a redirect would be swapped into a piece
    return redirect(url_for(endpoint), 303)  # type: ignore[return-value]


def _load_session() -> bool:
    """Find out who sent the request; True where the session was last seen a while ago."""
    token = request.cookies.get(cookies.SESSION)
    if not token:
        return False
    token_hash, now = actions.hash_token(token), clock.now()
    row = queries.signed_in(token_hash, now - actions.SESSION_RESTS)
    if row is None:
        return False
    g.token_hash, g.device_id = token_hash, row.device_id
    g.person = CurrentPerson(row.person_id, row.person_name, row.phone, row.lang)
    if row.shop_id is not None:
        g.shop = CurrentShop(row.shop_id, row.shop_name, row.category, row.currency, row.time_zone, row.country)
        g.actor, g.role, g.journal_seq = Actor(row.shop_id, row.member_id, row.device_id), row.role, row.seq
        g.permissions = permissions.granted(row.role, row.switches)
    return bool(now - row.last_seen_at > actions.SEEN_EVERY)


def _see_session(writes: bool) -> None:
    if writes:
        actions.see_session(g.token_hash)
        return
    with transaction():
        actions.see_session(g.token_hash)


def _refuse_cross_site() -> None:
    """A form must come from a page of ours. No token in the form: an outbox replays forms days later."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site == "same-origin" or (site == "none" and request.headers.get("Sec-Fetch-Mode") == "navigate"):
            return
        raise CrossSite
    source = request.headers.get("Origin") or request.headers.get("Referer") or ""
    try:
        is_ours = urlsplit(source).netloc == request.host
    except ValueError:
        is_ours = False
    if not is_ours:
        raise CrossSite


def remember(response: Response, token: str, device_id: UUID) -> None:
    """Give the browser its session and device cookies."""
    cookies.keep(response, cookies.SESSION, token)
    key = key_of(str(current_app.secret_key), DEVICE, device_id)
    cookies.keep(response, cookies.DEVICE, f"{device_id}.{key}")


def forget(response: Response) -> None:
    """Take the session cookie back."""
    cookies.forget(response, cookies.SESSION)


def known_device() -> UUID | None:
    """The device this browser signed in on before; its cookie proves that it is that browser."""
    text, _dot, key = request.cookies.get(cookies.DEVICE, "").partition(".")
    try:
        device_id = UUID(text)
    except ValueError:
        return None
    return device_id if proves(str(current_app.secret_key), DEVICE, device_id, key) else None
