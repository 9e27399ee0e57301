"""One's own pages: menu, name and language, devices."""

from __future__ import annotations

from uuid import UUID

from flask import Response, g, make_response, render_template, request, url_for

from khata.accounts import actions, forms, membership, notices, passkeys, queries, sessions
from khata.accounts.views.blueprint import blueprint
from khata.core import clock
from khata.core.forms import Form, RefusedForm
from khata.core.photos import MAX_REQUEST_BYTES
from khata.errors import Invalid
from khata.web import locale
from khata.web.auth import allow, proven, signed_in, takes, while_closing, with_pin
from khata.web.logs import security_event
from khata.web.pages import refused, see_other
from khata.web.uploads import read_photo


@blueprint.get("/menu")
@with_pin
@signed_in
def menu() -> Response:
    """The way to everything that is not the ledger itself."""
    return make_response(render_template("accounts/menu.html"))


@blueprint.post("/notices/<uuid:notice_id>")
@while_closing
@allow("see_parties")
def read_notice(notice_id: UUID) -> Response:
    """Put a notice away."""
    notices.read(g.actor, notice_id)
    return see_other(url_for("ledger.home"))


@blueprint.get("/me")
@with_pin
@signed_in
def me() -> Response:
    """The person's own name and language."""
    form = Form({"name": g.person.name, "lang": locale.lang()})
    return make_response(render_template("accounts/me.html", form=form))


@blueprint.post("/me")
@takes(MAX_REQUEST_BYTES)
@with_pin
@signed_in
def edit_me() -> Response:
    """Change the person's name, language, and photo in this shop."""
    form = Form(request.form)
    try:
        name, lang = forms.read_person(form, locale.CODES)
        photo_id = read_photo(form) if g.shop is not None else None
        form.require_valid()
    except RefusedForm:
        return refused("accounts/me.html", form)
    try:
        actions.edit_person(g.person.id, g.device_id, name, lang)
    except Invalid as wrong:
        form.errors["name"] = wrong.message
        return refused("accounts/me.html", form)
    if photo_id is not None:
        membership.set_photo(g.actor, photo_id)
    response = see_other(url_for("accounts.menu"))
    locale.keep_language(response, lang)
    return response


@blueprint.get("/devices")
@signed_in
def devices() -> Response:
    """Where the person is signed in."""
    return _devices_page(Form())


def _devices_page(form: Form, status: int = 200) -> Response:
    found = queries.devices_of(g.person.id, clock.now() - sessions.RESTS)
    this = queries.device_by_id(g.device_id)
    is_shops = this is not None and this.shop_id is not None
    context = {
        "devices": found,
        "nameable": {device.id for device in found if sessions.may_name(g.person.id, device)},
        "this_device": g.device_id,
        "may_lock": not is_shops and (g.session.idle_seconds is not None or bool(queries.passkeys_of(g.person.id))),
        "lock_choices": passkeys.LOCK_CHOICES,
    }
    if status >= 400:
        return refused("accounts/devices.html", form, status, **context)
    return make_response(render_template("accounts/devices.html", form=form, **context))


@blueprint.post("/me/lock")
@proven
@signed_in
def lock_when_resting() -> Response:
    """Choose when one's own phone, the one in hand, locks."""
    form = Form(request.form)
    seconds = form.choice("lock_seconds", {"0", *map(str, passkeys.LOCK_CHOICES)})
    if form.is_valid:
        try:
            passkeys.lock_after(g.person.id, g.device_id, g.token_hash, int(seconds) or None)
            return see_other(url_for("accounts.devices"))
        except Invalid as wrong:
            form.errors["lock_seconds"] = wrong.message
    return _devices_page(form, 422)


@blueprint.post("/devices/<uuid:device_id>")
@signed_in
def name_device(device_id: UUID) -> Response:
    """Give a device the name that stands beside what is written on it."""
    form = Form(request.form)
    label = form.name("label", forms.LONGEST_LABEL)
    if not form.is_valid:
        return _devices_page(form, 422)
    sessions.name_device(g.person.id, device_id, label)
    return see_other(url_for("accounts.devices"))


@blueprint.post("/devices/<uuid:device_id>/sign-out")
@proven
@signed_in
def sign_out_device(device_id: UUID) -> Response:
    """Sign out on one device, from afar."""
    sessions.end_sessions_on(g.person.id, device_id)
    security_event("device.signed_out")
    return see_other(url_for("accounts.devices"))


@blueprint.post("/devices/sign-out")
@proven
@signed_in
def sign_out_elsewhere() -> Response:
    """Sign out everywhere but here."""
    sessions.end_sessions_elsewhere(g.person.id, g.device_id)
    security_event("device.signed_out")
    return see_other(url_for("accounts.devices"))
