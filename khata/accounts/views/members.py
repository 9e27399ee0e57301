"""Who works in the shop, and invitations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, current_app, g, make_response, render_template, request, session, url_for

from khata.accounts import actions, forms, membership, permissions, pins, queries, sessions
from khata.accounts.models import Invitation
from khata.accounts.views.blueprint import blueprint
from khata.core import clock
from khata.core.db import in_shop
from khata.core.forms import Form, RefusedForm
from khata.core.phone import format_phone
from khata.core.qr import qr_code
from khata.core.tokens import key_of
from khata.errors import Invalid
from khata.web import auth, locale
from khata.web.auth import allow, public, signed_in, while_closing
from khata.web.logs import security_event
from khata.web.pages import refused, see_other


@blueprint.get("/members")
@allow("members")
def members() -> Response:
    """Who belongs to the shop, what each may do, and open invitations."""
    return _members_page(Form())


def _members_page(form: Form, status: int = 200) -> Response:
    mine = _mine()
    roles = [(role, text) for role, text in permissions.ROLE_LABELS.items() if permissions.ROLES[role] <= mine]
    context = {
        "team": _team(mine),
        "invitations": [(one, _invitation_url(one.id)) for one in queries.open_invitations(g.shop.id, clock.now())],
        "qr_code": qr_code,
        "has_phone": bool(queries.phones_of(g.shop.id)),
        "roles": list(permissions.ROLE_LABELS.items()),
        "grantable": roles,
        "mine": mine,
        "permissions": list(permissions.PERMISSIONS.items()),
        "is_owner": g.role == "owner",
    }
    if status >= 400:
        return refused("accounts/members.html", form, status, **context)
    return make_response(render_template("accounts/members.html", form=form, **context))


def _mine() -> frozenset[str]:
    """What the member of this request can give to others."""
    return frozenset(permissions.PERMISSIONS) if g.role == "owner" else frozenset(g.permissions)


def _team(mine: frozenset[str]) -> list[dict[str, Any]]:
    """The members, with what each may do, where each is signed in, and what of it can be changed here."""
    devices: dict[UUID, dict[UUID, Any]] = {}
    for one in queries.sessions_in(g.shop.id):
        if not sessions.has_ended(one, clock.now()):
            devices.setdefault(one.person_id, {}).setdefault(one.device_id, one)
    return [_shown(row, mine, list(devices.get(row.person_id, {}).values())) for row in queries.team(g.shop.id)]


def _shown(row: Any, mine: frozenset[str], devices: list[Any]) -> dict[str, Any]:
    may, is_me = permissions.granted(row.role, row.switches), row.id == g.actor.member_id
    return {
        **row._asdict(),
        "phone_shown": format_phone(row.phone) if row.phone else "",
        "may": may,
        "is_me": is_me,
        "devices": devices,
        "is_changed_here": g.role == "owner" or not (is_me or row.role == "owner"),
        "gets_pin_here": not is_me and may <= mine,
    }


def _invitation_url(invitation_id: UUID) -> str:
    public = current_app.config["KHATA"].public_url or request.host_url.rstrip("/")
    key = key_of(str(current_app.secret_key), membership.INVITATION, invitation_id)
    return public + url_for("accounts.invitation", invitation_id=invitation_id, key=key)


@blueprint.post("/members/<uuid:member_id>")
@allow("members")
def change_member(member_id: UUID) -> Response:
    """Change what a member is and may do."""
    form = Form(request.form)
    role = form.choice("role", permissions.ROLES)
    if role == "owner" and not auth.is_proven():
        return auth.to_proof(url_for("accounts.members"))
    if form.is_valid:
        try:
            membership.change_member(g.actor, member_id, role, set(request.form.getlist("may")))
            return see_other(url_for("accounts.menu" if member_id == g.actor.member_id else "accounts.members"))
        except Invalid as wrong:
            form.errors["member"] = wrong.message
    return _members_page(form, 422)


@blueprint.post("/members/<uuid:member_id>/removal")
@allow("members")
def remove_member(member_id: UUID) -> Response:
    """End a member's access."""
    try:
        membership.remove_member(g.actor, member_id)
    except Invalid as wrong:
        form = Form()
        form.errors["member"] = wrong.message
        return _members_page(form, 422)
    return see_other(url_for("accounts.members"))


@blueprint.post("/members")
@allow("members")
def add_staff() -> Response:
    """A place for somebody who works at the shop's phone by PIN, without a number."""
    form = Form(request.form)
    try:
        pins.add_staff(g.actor, forms.read_staff(form, locale.CODES, locale.lang()))
    except RefusedForm:
        form.values.pop("pin", None)
        return _members_page(form, 422)
    except Invalid as wrong:
        form.values.pop("pin", None)
        form.errors["name"] = wrong.message
        return _members_page(form, 422)
    return see_other(url_for("accounts.members"))


@blueprint.post("/members/<uuid:member_id>/pin")
@allow("members")
def give_pin(member_id: UUID) -> Response:
    """A PIN for a member who forgot theirs; they choose their own when they first use it."""
    form = Form(request.form)
    pin = forms.read_pin(form)
    if not form.is_valid:
        refusal = Form()
        refusal.errors["member"] = form.error("pin")
        return _members_page(refusal, 422)
    if member_id == g.actor.member_id:
        return see_other(url_for("accounts.pin"))
    pins.set_pin(g.actor, member_id, pin)
    return see_other(url_for("accounts.members"))


@blueprint.post("/members/<uuid:member_id>/devices/<uuid:device_id>/sign-out")
@while_closing
@allow("members")
def sign_out_member(member_id: UUID, device_id: UUID) -> Response:
    """Sign a member out of this shop on one device, from afar."""
    membership.sign_out_member(g.actor, member_id, device_id)
    security_event("device.signed_out")
    return see_other(url_for("accounts.members"))


@blueprint.post("/invitations")
@allow("members")
def invite() -> Response:
    """Open a place in the shop for whoever gets the link."""
    form = Form(request.form)
    role = form.choice("role", permissions.ROLES)
    if not form.is_valid:
        return _members_page(form, 422)
    if role == "owner" and not auth.is_proven():
        return auth.to_proof(url_for("accounts.members"))
    membership.invite(g.actor, role)
    return see_other(url_for("accounts.members"))


@blueprint.post("/invitations/<uuid:invitation_id>/removal")
@allow("members")
def take_back_invitation(invitation_id: UUID) -> Response:
    """End an invitation that nobody has used."""
    membership.take_back(g.actor, invitation_id)
    return see_other(url_for("accounts.members"))


@blueprint.get("/invitations/<uuid:invitation_id>")
@public
def invitation(invitation_id: UUID) -> Response:
    """What the link offers; somebody not signed in signs in first and comes back here."""
    found = membership.find_invitation(str(current_app.secret_key), invitation_id, request.args.get("key", ""))
    if g.person is None:
        session["invitation"] = request.full_path
    return make_response(
        render_template("accounts/invitation.html", form=Form(), **_offer(found, request.args.get("key", "")))
    )


def _offer(found: Invitation, key: str) -> dict[str, Any]:
    with in_shop(found.shop_id):
        shop = queries.shop_by_id(found.shop_id)
    return {
        "shop_name": shop.name if shop else "",
        "role": permissions.ROLE_LABELS[found.role],
        "invitation_id": found.id,
        "key": key,
        "asks_name": g.person is not None and membership.asks_name(found.shop_id, g.person.id, g.person.name),
    }


@blueprint.post("/invitations/<uuid:invitation_id>")
@signed_in
def join(invitation_id: UUID) -> Response:
    """Take the place and go into the shop; who has no name yet says one, as it stands beside all they write."""
    form, secret = Form(request.form), str(current_app.secret_key)
    found = membership.find_invitation(secret, invitation_id, form.value("key"))
    offer = _offer(found, form.value("key"))
    try:
        if offer["asks_name"]:
            name = form.name()
            form.require_valid()
            actions.edit_person(g.person.id, g.device_id, name, g.person.lang)
        shop_id = membership.join(secret, invitation_id, form.value("key"), g.person.id, g.device_id)
    except RefusedForm:
        return refused("accounts/invitation.html", form, **offer)
    except Invalid as wrong:
        form.errors["name"] = wrong.message
        return refused("accounts/invitation.html", form, **{**offer, "asks_name": True})
    sessions.enter_shop(g.token_hash, g.person.id, shop_id)
    return see_other(url_for("ledger.home"))
