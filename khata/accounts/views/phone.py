"""The shop's phone: whose turn is it, a PIN to change over, and a lock; and the owner's page of such phones."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, current_app, g, make_response, render_template, request, send_file, url_for

from khata.accounts import forms, pins, queries, sessions
from khata.accounts.models import Device, Member
from khata.accounts.views.blueprint import blueprint
from khata.core.db import confine
from khata.core.forms import Form
from khata.core.names import clean_name
from khata.errors import Invalid, NotFound
from khata.web import auth
from khata.web.auth import allow, proven, public, signed_in, while_closing, with_pin
from khata.web.logs import security_event
from khata.web.pages import refused, see_other
from khata.web.uploads import photo_store


def _this_phone() -> Device:
    """The device that the browser proves to be, where it is one that locks; raises NotFound.

    The request goes on in the phone's shop: there its members are, whoever is signed in.
    """
    device_id = auth.known_device()
    device = queries.device_by_id(device_id) if device_id else None
    if device is None or device.lock_seconds is None:
        raise NotFound
    confine(device.shop_id)
    return device


@blueprint.get("/unlock")
@public
def unlock() -> Response:
    """Whose turn is it?"""
    try:
        device = _this_phone()
    except NotFound:
        return see_other(url_for("accounts.sign_in"))
    return make_response(render_template("accounts/unlock.html", form=Form(), **_faces(device)))


def _faces(device: Device) -> dict[str, Any]:
    if device.shop_id is None:
        return {"team": [], "shop": None}
    team = [one for one in queries.team(device.shop_id) if one.has_pin]
    return {"team": team, "shop": queries.shop_by_id(device.shop_id)}


@blueprint.post("/unlock")
@public
def change_hands() -> Response:
    """Take over by PIN. Whoever was there before is out."""
    device, form = _this_phone(), Form(request.form)
    member = _chosen(device, form)
    pin = forms.typed_pin(form)
    if member is None:
        form.errors["member"] = form.errors.pop("member", None) or forms.CHOOSE_YOURSELF
    if member is None or not form.is_valid:
        return refused("accounts/unlock.html", _without_pin(form), **_faces(device))
    wrong = pins.refusal(str(current_app.secret_key), device, member, pin)
    if wrong is not None:
        _log_refusal(wrong, device, member)
        form.errors["pin"] = wrong.message  # not `refused`: the try must be counted
        status = 422 if wrong.code == "pin_wrong" else 429
        return make_response(render_template("accounts/unlock.html", form=_without_pin(form), **_faces(device)), status)
    if g.token_hash is not None:
        sessions.end_session(g.token_hash)
    token = sessions.start_session(member.person_id, device, sessions.PIN, member.shop_id)
    response = see_other(url_for("accounts.pin" if member.pin_is_temporary else "ledger.home"))
    auth.remember(response, token, device.id)
    return response


def _log_refusal(wrong: Invalid, device: Device, member: Member) -> None:
    name = "pin.blocked" if wrong.code in ("pin_blocked", "phone_blocked") else "pin.refused"
    security_event(name, reason=wrong.code, member_id=member.id, device_id=device.id)


def _chosen(device: Device, form: Form) -> Member | None:
    try:
        member_id = UUID(form.value("member"))
    except ValueError:
        return None
    member = queries.member_by_id(device.shop_id, member_id) if device.shop_id else None
    return member if member is not None and member.pin_hash is not None else None


def _without_pin(form: Form) -> Form:
    """A PIN is never sent back."""
    form.values.pop("pin", None)
    return form


@blueprint.post("/lock")
@while_closing
@with_pin
@signed_in
def lock() -> Response:
    """Out, at one tap; the next one chooses their face."""
    sessions.end_session(g.token_hash)
    response = see_other(url_for("accounts.unlock"))
    auth.forget(response)
    return response


@blueprint.get("/faces/<uuid:member_id>")
@public
def face(member_id: UUID) -> Response:
    """A member's photo: to members, and on the shop's phone before anybody is in."""
    shop_id = g.shop.id if g.shop is not None else _this_phone().shop_id
    member = queries.member_by_id(shop_id, member_id) if shop_id else None
    if member is None or member.photo_id is None:
        raise NotFound
    path = photo_store().path(member.shop_id, member.photo_id)
    if not path.is_file():
        raise NotFound
    response = send_file(path, mimetype="image/jpeg")
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


@blueprint.get("/me/pin")
@with_pin
@signed_in
def pin() -> Response:
    """One's own PIN for the shop's phone."""
    return _pin_page(Form())


def _pin_page(form: Form, status: int = 200) -> Response:
    if g.shop is None:
        raise NotFound
    asks_old = g.session.method == sessions.PIN and not g.session.must_choose_pin
    context = {"asks_old": asks_old, "chooses_first": g.session.must_choose_pin}
    if status >= 400:
        return refused("accounts/pin.html", _without_pins(form), status, **context)
    return make_response(render_template("accounts/pin.html", form=form, **context))


def _without_pins(form: Form) -> Form:
    form.values.clear()
    return form


@blueprint.post("/me/pin")
@with_pin
@signed_in
def set_pin() -> Response:
    """Choose a PIN. Who came by PIN types the one before, and that counts as a try."""
    form = Form(request.form)
    if g.shop is None:
        raise NotFound
    if g.session.method != sessions.PIN and not auth.is_proven():
        return auth.to_proof(url_for("accounts.pin"))
    chosen = forms.read_pin(form, g.person.phone)
    if not form.is_valid:
        return _pin_page(form, 422)
    member = queries.member_by_id(g.shop.id, g.actor.member_id)
    device = queries.device_by_id(g.device_id)
    if member is None or device is None:
        raise NotFound
    if g.session.method == sessions.PIN:
        wrong = _wrong_change(device, member, form, chosen)
        if wrong is not None:
            return wrong
    pins.set_pin(g.actor, member.id, chosen)
    return see_other(url_for("ledger.home" if g.session.must_choose_pin else "accounts.menu"))


def _wrong_change(device: Device, member: Member, form: Form, chosen: str) -> Response | None:
    if g.session.must_choose_pin:
        if not pins.is_kept(member, chosen):
            return None
        form.errors["pin"] = forms.CHOOSE_ANOTHER_PIN
        return _pin_page(form, 422)
    wrong = pins.refusal(str(current_app.secret_key), device, member, form.value("old"))
    if wrong is None:
        return None
    _log_refusal(wrong, device, member)
    form.errors["old"] = wrong.message  # not `refused`: the try must be counted
    return make_response(render_template("accounts/pin.html", form=_without_pins(form), asks_old=True), 422)


@blueprint.get("/phones")
@allow("members")
def phones() -> Response:
    """The shop's phones, and whether this one is one of them."""
    return _phones_page(Form())


def _phones_page(form: Form, status: int = 200) -> Response:
    listed = queries.phones_of(g.shop.id)
    is_here = any(phone.id == g.device_id for phone in listed)
    member = queries.member_by_id(g.shop.id, g.actor.member_id)
    context = {
        "phones": listed,
        "this_device": g.device_id,
        "is_here": is_here,
        "has_pin": member is not None and member.pin_hash is not None,
        "lock_choices": pins.LOCK_CHOICES,
    }
    if status >= 400:
        return refused("accounts/phones.html", form, status, **context)
    return make_response(render_template("accounts/phones.html", form=form, **context))


@blueprint.post("/phones")
@proven
@allow("members")
def enrol_phone() -> Response:
    """Make the phone in one's hand the shop's."""
    return _enrol(g.device_id, Form(request.form))


@blueprint.post("/phones/<uuid:device_id>")
@allow("members")
def change_phone(device_id: UUID) -> Response:
    """Choose another time after which a phone of the shop locks, and what it is called."""
    if device_id not in {phone.id for phone in queries.phones_of(g.shop.id)}:
        raise NotFound
    form = Form(request.form)
    label = form.optional("label", lambda text: clean_name(text, forms.LONGEST_LABEL))
    answer = _enrol(device_id, form)
    if label is not None and form.is_valid:
        pins.name_phone(g.actor, device_id, label)
    return answer


def _enrol(device_id: UUID, form: Form) -> Response:
    seconds = form.choice("lock_seconds", {str(choice) for choice in pins.LOCK_CHOICES})
    if form.is_valid:
        try:
            pins.enrol(g.actor, device_id, int(seconds), g.token_hash)
            return see_other(url_for("accounts.phones"))
        except Invalid as wrong:
            form.errors["lock_seconds"] = wrong.message
    return _phones_page(form, 422)


@blueprint.post("/phones/<uuid:device_id>/release")
@proven
@allow("members")
def release_phone(device_id: UUID) -> Response:
    """The phone is no longer the shop's."""
    pins.release(g.actor, device_id, g.token_hash)
    return see_other(url_for("accounts.phones"))


@blueprint.post("/phones/<uuid:device_id>/sign-out")
@while_closing
@allow("members")
def sign_out_phone(device_id: UUID) -> Response:
    """Sign out whoever is at a phone of the shop, from afar."""
    pins.sign_out_phone(g.actor, device_id)
    return see_other(url_for("accounts.phones"))
