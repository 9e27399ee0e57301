"""Sign-in, shops, and one's own page."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from flask import Blueprint, Response, current_app, g, make_response, render_template, request, session, url_for

from khata.accounts import actions, forms, membership, permissions, queries
from khata.accounts.catalogue import CATEGORIES
from khata.core import clock
from khata.core.db import after_commit
from khata.core.forms import Form, RefusedForm
from khata.core.phone import calling_code, country_defaults, format_phone, region_of
from khata.core.tokens import key_of
from khata.errors import Invalid, NotFound, TooMany
from khata.web import auth, locale
from khata.web.auth import allow, public, signed_in
from khata.web.pages import refused, see_other
from tasks.messages import send_message

blueprint = Blueprint("accounts", __name__)

TIME_ZONES = frozenset(available_timezones())


@blueprint.get("/sign-in")
@public
def sign_in() -> Response:
    """Language and phone number."""
    if g.person is not None:
        return see_other(url_for("ledger.home"))
    return _sign_in_page(Form({"phone": session["phone"]} if "phone" in session else {}))


@blueprint.post("/sign-in")
@public
def send_code() -> Response:
    """Send a code to the number."""
    form = Form(request.form)
    try:
        phone = forms.read_phone(form, locale.likely_region(request.accept_languages))
        code = actions.send_code(phone, request.remote_addr or "")
    except RefusedForm:
        return _sign_in_page(form, 422)
    except TooMany as error:
        form.errors["phone"] = error.message
        return _sign_in_page(form, error.status)
    after_commit(lambda: send_message(code.shop_id, code.message_id))
    session["phone"], session["code"] = phone, code.code_id.hex
    return see_other(url_for("accounts.code"))


def _sign_in_page(form: Form, status: int = 200) -> Response:
    prefix = calling_code(locale.likely_region(request.accept_languages))
    if status >= 400:
        return refused("accounts/sign_in.html", form, status, prefix=prefix)
    return make_response(render_template("accounts/sign_in.html", form=form, prefix=prefix))


@blueprint.get("/sign-in/code")
@public
def code() -> Response:
    """Ask for the code."""
    if "phone" not in session:
        return see_other(url_for("accounts.sign_in"))
    return make_response(render_template("accounts/code.html", form=Form(), **_shown_phone()))


@blueprint.post("/sign-in/code")
@public
def use_code() -> Response:
    """Check the code and start a session."""
    if "phone" not in session:
        return see_other(url_for("accounts.sign_in"))
    form = Form(request.form)
    try:
        typed = forms.read_code(form)
    except RefusedForm:
        return refused("accounts/code.html", form, **_shown_phone())
    wrong = actions.use_code(session["phone"], _asked_code(), typed)
    if wrong is not None:
        form.errors["code"] = wrong.message  # not `refused`: the try must be counted
        return make_response(render_template("accounts/code.html", form=form, **_shown_phone()), 422)
    return _start_session()


def _asked_code() -> UUID | None:
    return UUID(session["code"]) if "code" in session else None


def _start_session() -> Response:
    person = actions.person_for(session.pop("phone"), locale.lang(), locale.arrival())
    invited_to = session.get("invitation")
    session.clear()
    if g.token_hash is not None:
        actions.end_session(g.token_hash)
    label = _device_label(request.user_agent.string)
    token, device_id = actions.start_session(person, auth.known_device(), label)
    has_shop = bool(queries.shops_of(person.id))
    response = see_other(invited_to or url_for("ledger.home" if has_shop else "accounts.new_shop"))
    auth.remember(response, token, device_id)
    locale.keep_language(response, locale.lang())
    return response


def _shown_phone() -> dict[str, Any]:
    return {"phone_shown": format_phone(session["phone"])}


def _device_label(user_agent: str) -> str:
    known = ("KAIOS", "Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")
    return next((name for name in known if name.lower() in user_agent.lower()), "Browser")


@blueprint.post("/sign-out")
@signed_in
def sign_out() -> Response:
    """End this browser's session."""
    actions.end_session(g.token_hash)
    response = see_other(url_for("accounts.sign_in"))
    response.headers["Clear-Site-Data"] = '"cache"'  # never "storage": what is unsent stays
    auth.forget(response)
    return response


@blueprint.get("/shops/new")
@signed_in
def new_shop() -> Response:
    """The form of a new shop."""
    return make_response(render_template("accounts/shop_new.html", form=Form(), **_shop_choices()))


@blueprint.post("/shops/new")
@signed_in
def open_shop() -> Response:
    """Make a shop and go into it."""
    form = Form(request.form)
    try:
        new = forms.read_new_shop(form, g.person.phone, forms.IN_USE, TIME_ZONES)
    except RefusedForm:
        return refused("accounts/shop_new.html", form, **_shop_choices())
    owner = actions.open_shop(g.person.id, g.device_id, new)
    actions.enter_shop(g.token_hash, g.person.id, owner.shop_id)
    return see_other(url_for("ledger.home"))


def _shop_choices() -> dict[str, Any]:
    country = region_of(g.person.phone)
    currency, time_zone = country_defaults(country)
    return {
        "categories": CATEGORIES,
        "currencies": forms.currency_choices(locale.lang(), currency),
        "time_zones": [time_zone, *sorted(TIME_ZONES - {time_zone})],
    }


@blueprint.get("/shops")
@signed_in
def shops() -> Response:
    """All shops of the person."""
    rows = queries.shops_of(g.person.id)
    current = g.shop.id if g.shop else None
    listed = [{"id": row.id, "name": row.name, "is_current": row.id == current} for row in rows]
    return make_response(render_template("accounts/shops.html", shops=listed))


@blueprint.post("/shops/<uuid:shop_id>/current")
@signed_in
def enter_shop(shop_id: UUID) -> Response:
    """Switch to another shop of the person."""
    if not actions.enter_shop(g.token_hash, g.person.id, shop_id):
        raise NotFound
    return see_other(url_for("ledger.home"))


@blueprint.get("/shops/settings")
@allow("settings")
def shop_settings() -> Response:
    """The shop's name and category."""
    known = {code for code, _label in CATEGORIES}
    category = g.shop.category
    values = {"category": category} if category in known else {"category": "other", "category_other": category}
    form = Form({"name": g.shop.name, **values})
    return make_response(render_template("accounts/shop_settings.html", form=form, **_settings_choices()))


def _settings_choices() -> dict[str, Any]:
    return {"categories": CATEGORIES, "currency": forms.currency_name(g.shop.currency, locale.lang())}


@blueprint.post("/shops/settings")
@allow("settings")
def edit_shop() -> Response:
    """Change the shop's name and category."""
    form = Form(request.form)
    name, category = form.name(), forms.read_category(form)
    if not form.is_valid:
        return refused("accounts/shop_settings.html", form, **_settings_choices())
    actions.edit_shop(g.actor, name, category)
    return see_other(url_for("accounts.menu"))


@blueprint.get("/me")
@signed_in
def me() -> Response:
    """The person's own name and language."""
    form = Form({"name": g.person.name, "lang": locale.lang()})
    return make_response(render_template("accounts/me.html", form=form))


@blueprint.post("/me")
@signed_in
def edit_me() -> Response:
    """Change the person's name and language."""
    form = Form(request.form)
    try:
        name, lang = forms.read_person(form, locale.CODES)
    except RefusedForm:
        return refused("accounts/me.html", form)
    actions.edit_person(g.person.id, g.device_id, name, lang)
    response = see_other(url_for("accounts.menu"))
    locale.keep_language(response, lang)
    return response


@blueprint.get("/devices")
@signed_in
def devices() -> Response:
    """Where the person is signed in."""
    return _devices_page(Form())


def _devices_page(form: Form, status: int = 200) -> Response:
    found = queries.devices_of(g.person.id, clock.now() - actions.SESSION_RESTS)
    context = {"devices": found, "this_device": g.device_id}
    if status >= 400:
        return refused("accounts/devices.html", form, status, **context)
    return make_response(render_template("accounts/devices.html", form=form, **context))


@blueprint.post("/devices/<uuid:device_id>")
@signed_in
def name_device(device_id: UUID) -> Response:
    """Give a device the name that stands beside what is written on it."""
    form = Form(request.form)
    label = form.name("label", 40)
    if not form.is_valid:
        return _devices_page(form, 422)
    actions.name_device(g.person.id, device_id, label)
    return see_other(url_for("accounts.devices"))


@blueprint.post("/devices/<uuid:device_id>/sign-out")
@signed_in
def sign_out_device(device_id: UUID) -> Response:
    """Sign out on one device, from afar."""
    actions.end_sessions_on(g.person.id, device_id)
    return see_other(url_for("accounts.devices"))


@blueprint.post("/devices/sign-out")
@signed_in
def sign_out_elsewhere() -> Response:
    """Sign out everywhere but here."""
    actions.end_sessions_elsewhere(g.person.id, g.device_id)
    return see_other(url_for("accounts.devices"))


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
        "roles": list(permissions.ROLE_LABELS.items()),
        "permissions": list(permissions.PERMISSIONS.items()),
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


@blueprint.post("/invitations")
@allow("members")
def invite() -> Response:
    """Open a place in the shop for whoever gets the link."""
    form = Form(request.form)
    role = form.choice("role", permissions.ROLES)
    if not form.is_valid:
        return _members_page(form, 422)
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
    actions.enter_shop(g.token_hash, g.person.id, shop_id)
    return see_other(url_for("ledger.home"))


@blueprint.get("/menu")
@signed_in
def menu() -> Response:
    """The way to everything that is not the ledger itself."""
    return make_response(render_template("accounts/menu.html"))
