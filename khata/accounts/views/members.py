"""Who works in the shop, and invitations."""

from __future__ import annotations

from uuid import UUID

from flask import Response, current_app, g, make_response, render_template, request, session, url_for

from khata.accounts import forms, membership, permissions, pins, queries, sessions
from khata.accounts.views.blueprint import blueprint
from khata.core import clock
from khata.core.db import in_shop
from khata.core.forms import Form, RefusedForm
from khata.core.qr import qr_code
from khata.core.tokens import key_of
from khata.errors import Invalid
from khata.web import auth, locale
from khata.web.auth import allow, public, signed_in
from khata.web.pages import refused, see_other


@blueprint.get("/members")
@allow("members")
def members() -> Response:
    """Who belongs to the shop, what each may do, and open invitations."""
    return _members_page(Form())


def _members_page(form: Form, status: int = 200) -> Response:
    team = [
        {**row._asdict(), "may": permissions.granted(row.role, row.switches), "is_me": row.id == g.actor.member_id}
        for row in queries.team(g.shop.id)
    ]
    context = {
        "team": team,
        "invitations": [(one, _invitation_url(one.id)) for one in queries.open_invitations(g.shop.id, clock.now())],
        "qr_code": qr_code,
        "has_phone": bool(queries.phones_of(g.shop.id)),
        "roles": list(permissions.ROLE_LABELS.items()),
        "permissions": list(permissions.PERMISSIONS.items()),
        "is_owner": g.role == "owner",
    }
    if status >= 400:
        return refused("accounts/members.html", form, status, **context)
    return make_response(render_template("accounts/members.html", form=form, **context))


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
    with in_shop(found.shop_id):
        shop = queries.shop_by_id(found.shop_id)
    role = permissions.ROLE_LABELS[found.role]
    context = {"shop": shop, "role": role, "invitation": found, "key": request.args.get("key", "")}
    return make_response(render_template("accounts/invitation.html", **context))


@blueprint.post("/invitations/<uuid:invitation_id>")
@signed_in
def join(invitation_id: UUID) -> Response:
    """Take the place and go into the shop."""
    key = request.form.get("key", "")
    shop_id = membership.join(str(current_app.secret_key), invitation_id, key, g.person.id, g.device_id)
    sessions.enter_shop(g.token_hash, g.person.id, shop_id)
    return see_other(url_for("ledger.home"))
