"""Deny by default. Every view says who may call it.

`@public`, `@signed_in` (shop or not), `@any_member` (of the current shop) or `@allow(permission)`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from babel.dates import format_date
from flask import Flask, Response, current_app, g, redirect, request, session, url_for
from flask_babel import gettext

from khata.accounts import permissions, queries, sessions
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import confine, transaction, unconfine
from khata.core.tokens import key_of, proves
from khata.errors import CrossSite, Forbidden
from khata.web import cookies, transactions, turns
from khata.web.locale import lang
from khata.web.logs import security_event

PUBLIC, SIGNED_IN, MEMBER = "public", "signed in", "member"
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
    erase_at: datetime | None


class CurrentSession(NamedTuple):
    """The session of the request: on a phone that locks, so on every shop's phone, it may rest `idle_seconds`."""

    method: str
    proved_at: datetime | None
    idle_seconds: int | None
    must_choose_pin: bool


class CurrentPerson(NamedTuple):
    """Who sent the request."""

    id: UUID
    name: str
    phone: str | None  # none where somebody works by PIN only
    lang: str
    erase_at: datetime | None


def public(view: View) -> View:
    """Everybody may call this view."""
    view.khata_access = PUBLIC  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Whoever is signed in may call this view, with or without a shop."""
    view.khata_access = SIGNED_IN  # type: ignore[attr-defined]
    return view


def any_member(view: View) -> View:
    """Members of the current shop may call this view, which asks itself for the permissions it needs."""
    view.khata_access = MEMBER  # type: ignore[attr-defined]
    return view


def allow(permission: str) -> Callable[[View], View]:
    """Members of the current shop who have `permission` may call this view."""
    if permission not in permissions.PERMISSIONS:
        raise LookupError(f"no such permission: {permission}")

    def mark(view: View) -> View:
        view.khata_access = permission  # type: ignore[attr-defined]
        return view

    return mark


def proven(view: View) -> View:
    """Whoever calls this view has shown just now, by code or passkey, who they are; a PIN is not enough.

    It stands above `@signed_in` or `@allow`.
    """
    view.khata_proof = True  # type: ignore[attr-defined]
    return view


def with_pin(view: View) -> View:
    """A member who came by PIN may call this view, though it is not the shop's. It stands above `@signed_in`.

    A PIN opens one shop at one phone: the person's other shops, devices and keys are not behind it.
    """
    view.khata_pin = True  # type: ignore[attr-defined]
    return view


def while_closing(view: View) -> View:
    """This view works, too, while the shop or the person's account waits to be deleted. It stands above `@allow`."""
    view.khata_closing = True  # type: ignore[attr-defined]
    return view


def unattended(view: View) -> View:
    """A phone may ask this by itself: it is no sign that somebody is there, and keeps no session open."""
    view.khata_unattended = True  # type: ignore[attr-defined]
    return view


def by_signature(view: View) -> View:
    """No browser sends this but a machine that signs each body: the view checks that before anything else.

    It is asked for no page of ours and for no session; the body is there as it came. It stands above `@public`, and
    begins its own transactions.
    """
    view.khata_signature = True  # type: ignore[attr-defined]
    return in_steps(view)


def in_steps(view: View) -> View:
    """This view begins and ends its own transactions, as it asks others in between. It stands above its access."""
    view.khata_steps = True  # type: ignore[attr-defined]
    return view


def is_proven() -> bool:
    """True where a code or passkey has proved a short while ago who sent this request."""
    proved_at = g.session.proved_at
    return proved_at is not None and clock.now() - proved_at < sessions.PROOF_HOLDS


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
    """Guard every request: who may call what, and on PostgreSQL whose rows it sees at all."""
    app.before_request(_guard)
    app.teardown_request(_leave)


def require_named_access(app: Flask) -> None:
    """Refuse to start with a view that does not say who may call it."""
    nameless = [name for name, view in app.view_functions.items() if not hasattr(view, "khata_access")]
    if nameless:
        raise RuntimeError(f"views without @public, @signed_in, @any_member or @allow: {', '.join(sorted(nameless))}")


def _guard() -> Response | None:
    g.shop = g.person = g.actor = g.token_hash = g.device_id = g.session = None
    confine(None)
    if request.endpoint is None:
        return None  # no such address: the router raises it
    view = current_app.view_functions[request.endpoint]
    writes = request.method not in transactions.SAFE_METHODS
    if hasattr(view, "khata_signature"):
        turns.read_raw_body(getattr(view, "khata_body", ORDINARY_BODY))
        return None
    if writes:
        _refuse_cross_site()
    is_stale = _load_session()
    elsewhere = _refuse_while_closing(view, writes) or _refuse_without_access(view) or _ask_for_proof(view)
    if elsewhere is not None:
        return elsewhere
    if writes:
        turns.read_body(getattr(view, "khata_body", ORDINARY_BODY))  # before the write: 2G must not hold up others
        if not hasattr(view, "khata_steps"):
            transactions.begin()
        if g.actor is not None:
            g.actor = g.actor._replace(at=clock.told(request.form.get("at")))
    if is_stale and not hasattr(view, "khata_unattended"):
        _see_session(writes)
    return None


def _leave(_error: BaseException | None) -> None:
    unconfine()


def _refuse_without_access(view: View) -> Response | None:
    access = getattr(view, "khata_access", "")
    if access == PUBLIC:
        return None
    if g.person is None:
        return _to(_door())
    if access == SIGNED_IN:
        return None if g.session.method != sessions.PIN or hasattr(view, "khata_pin") else to_proof()
    if g.shop is None:
        return _to("accounts.shops" if queries.shops_of(g.person.id) else "accounts.new_shop")
    if access != MEMBER:
        require(access)
    return None


def _refuse_while_closing(view: View, writes: bool) -> Response | None:
    """Who asked to be deleted first says whether they stay; a shop that waits for it is read, but not written to."""
    access = getattr(view, "khata_access", "")
    if g.person is None or access == PUBLIC or hasattr(view, "khata_closing"):
        return None
    if g.person.erase_at is not None:
        return _to("privacy.leaving")
    if g.shop is None or g.shop.erase_at is None or access == SIGNED_IN:
        return None
    if writes or access in permissions.WRITING:
        day = clock.local(g.shop.erase_at, g.shop.time_zone).date()
        told = format_date(day, "d MMM y", locale=lang())
        raise Forbidden(gettext("This shop will be deleted on %(day)s. Keep it first.", day=told), "shop_closing")
    return None


def _door() -> str:
    """Where somebody gets in: a phone that locks asks whose turn it is."""
    device_id = known_device()
    return "accounts.unlock" if device_id and queries.locks(device_id) else "accounts.sign_in"


def _ask_for_proof(view: View) -> Response | None:
    if g.session is not None and g.session.must_choose_pin and not hasattr(view, "khata_pin"):
        return _to("accounts.pin")
    if not hasattr(view, "khata_proof") or is_proven():
        return None
    return to_proof()


def to_proof(wanted: str = "") -> Response:
    """Ask for a code or passkey first, then go to `wanted`, or to the page that was asked for."""
    session["wanted"] = wanted or (request.full_path.rstrip("?") if request.method == "GET" else _page_before())
    return _to("accounts.proof")


def _page_before() -> str:
    """The page of ours that a form was sent from."""
    source = urlsplit(request.referrer or "")
    return source.path if source.netloc == request.host else ""


def _to(endpoint: str) -> Response:
    if request.headers.get("HX-Request"):
        return Response("", 403, {"HX-Redirect": url_for(endpoint)})  # a redirect would be swapped into a piece
    return redirect(url_for(endpoint), 303)  # type: ignore[return-value]


def _load_session() -> bool:
    """Find out who sent the request; True where the session was last seen a while ago."""
    token = cookies.read(cookies.SESSION)
    if not token:
        return False
    token_hash, now = sessions.hash_token(token), clock.now()
    row = queries.signed_in(token_hash)
    if row is None or sessions.has_ended(row, now):
        security_event("session.refused", reason="unknown" if row is None else "ended")
        return False
    g.token_hash, g.device_id = token_hash, row.device_id
    must_choose_pin = row.method == sessions.PIN and bool(row.pin_is_temporary)
    g.session = CurrentSession(row.method, row.proved_at, row.idle_seconds, must_choose_pin)
    g.person = CurrentPerson(row.person_id, row.person_name, row.phone, row.lang, row.person_erase_at)
    if row.shop_id is not None:
        g.shop = CurrentShop(
            row.shop_id, row.shop_name, row.category, row.currency, row.time_zone, row.country, row.erase_at
        )
        g.actor, g.role, g.journal_seq = Actor(row.shop_id, row.member_id, row.device_id), row.role, row.seq
        g.permissions = permissions.granted(row.role, row.switches)
        if row.erase_at is not None:
            g.permissions -= permissions.WRITING
        confine(row.shop_id)
    return sessions.is_due(row, now)


def _see_session(writes: bool) -> None:
    if writes and g.get("writes"):
        sessions.see_session(g.token_hash)
        return
    with transaction():
        sessions.see_session(g.token_hash)


def _refuse_cross_site() -> None:
    """A form must come from a page of ours. No token in the form: an outbox replays forms days later."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site == "same-origin" or (site == "none" and request.headers.get("Sec-Fetch-Mode") == "navigate"):
            return
        raise CrossSite
    source = request.headers.get("Origin") or request.headers.get("Referer") or ""
    try:
        parts = urlsplit(source)
    except ValueError:
        raise CrossSite from None
    # A page over http can be anybody's on the way; where we are reached over https it is not ours. A proxy may speak
    # http to us, so https is right whatever this request says of itself.
    schemes = {"https"} if request.is_secure or current_app.config["KHATA"].is_https else {"https", "http"}
    if parts.netloc != request.host or parts.scheme not in schemes:
        raise CrossSite


def remember(response: Response, token: str, device_id: UUID) -> None:
    """Give the browser its session and device cookies."""
    _tell_of(token)
    cookies.keep(response, cookies.SESSION, token)
    key = key_of(str(current_app.secret_key), DEVICE, device_id)
    cookies.keep(response, cookies.DEVICE, f"{device_id}.{key}")


def _tell_of(token: str) -> None:
    begun = queries.session_begun(sessions.hash_token(token))
    is_same = g.token_hash is not None and begun.person_id == g.person.id and begun.device_id == g.device_id
    name = "session.proved" if is_same else "session.begun"
    who = {"person_id": begun.person_id, "device_id": begun.device_id, "shop_id": begun.shop_id}
    security_event(name, method=begun.method, **who)


def forget(response: Response) -> None:
    """Take the session cookie back."""
    security_event("session.ended")
    cookies.forget(response, cookies.SESSION)


def known_device() -> UUID | None:
    """The device this browser signed in on before; its cookie proves that it is that browser."""
    text, _dot, key = (cookies.read(cookies.DEVICE) or "").partition(".")
    try:
        device_id = UUID(text)
    except ValueError:
        return None
    return device_id if proves(str(current_app.secret_key), DEVICE, device_id, key) else None
