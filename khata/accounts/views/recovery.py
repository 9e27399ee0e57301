"""My number, the recovery code, and handing the shop over."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, g, make_response, render_template, request, session, url_for
from flask_babel import lazy_gettext as _

from khata.accounts import forms, permissions, queries, recovery, sessions
from khata.accounts.views import code_step, sign_in
from khata.accounts.views.blueprint import blueprint
from khata.core import clock
from khata.core.db import after_commit
from khata.core.forms import Form, RefusedForm
from khata.core.phone import format_phone, region_of
from khata.errors import Forbidden, Invalid, TooMany
from khata.web import auth, locale
from khata.web.auth import allow, proven, public, signed_in
from khata.web.logs import security_event
from khata.web.pages import refused, see_other
from tasks.messages import send_message

STEP = code_step.Step("number", "accounts.use_number", "accounts.send_number")
NUMBER_IS_YOURS = _("This is your number already.")
RECOVERY_IS_WRONG = _("This number and this code don’t belong together. Look again at what you wrote down.")
LEAVE_LABEL = _("Nothing: I leave the shop")
SAY_THAT_YOU_ARE_SURE = _("Tick this first.")
CHANGED = "number_changed"  # in the visit: the next page says so, once


def _ask_for_proof() -> Response | None:
    """As `proven`; but who came by the code on paper can prove nothing more until they have given their number."""
    if g.session.method == sessions.RECOVERY or auth.is_proven():
        return None
    return auth.to_proof(url_for("accounts.number"))


@blueprint.get("/me/number")
@signed_in
def number() -> Response:
    """The number that the person signs in with, and the form of another one."""
    return _ask_for_proof() or _number_page(Form())


def _number_page(form: Form, status: int = 200) -> Response:
    return make_response(render_template("accounts/number.html", form=form, **_number_facts()), status)


def _number_facts() -> dict[str, Any]:
    return {
        "phone_shown": format_phone(g.person.phone or ""),
        "is_changed": session.pop(CHANGED, False),
        "is_recovering": g.session.method == sessions.RECOVERY,
        "is_elsewhere": _is_elsewhere(),
    }


def _is_elsewhere() -> bool:
    devices = queries.devices_of(g.person.id, clock.now() - sessions.RESTS)
    return any(device.id != g.device_id for device in devices)


@blueprint.post("/me/number")
@signed_in
def send_number() -> Response:
    """Send a code to the new number."""
    elsewhere = _ask_for_proof()
    if elsewhere is not None:
        return elsewhere
    form = Form(request.form)
    try:
        region = region_of(g.person.phone or "") or locale.likely_region(request.accept_languages)
        phone = forms.read_phone(form, region)
        if phone == g.person.phone:
            form.errors["phone"] = NUMBER_IS_YOURS
            form.require_valid()
        STEP.send(phone)
    except RefusedForm:
        return refused("accounts/number.html", form, **_number_facts())
    except TooMany as error:
        form.errors["phone"] = error.message
        return refused("accounts/number.html", form, error.status, **_number_facts())
    return see_other(url_for("accounts.number_code"))


@blueprint.get("/me/number/code")
@signed_in
def number_code() -> Response:
    """Ask for the code."""
    asked = STEP.asked()
    return see_other(url_for("accounts.number")) if asked is None else STEP.page(asked, Form())


@blueprint.post("/me/number/code")
@signed_in
def use_number() -> Response:
    """Check the code; from then on the person signs in with the new number."""
    asked = STEP.asked()
    if asked is None:
        return see_other(url_for("accounts.number"))
    elsewhere = _ask_for_proof() or STEP.refusal(asked)
    if elsewhere is not None:
        return elsewhere
    try:
        text = recovery.change_number(g.person.id, g.device_id, asked.phone)
    except recovery.NumberTaken as taken:
        form = Form({"phone": format_phone(asked.phone)})
        form.errors["phone"] = taken.message
        return _number_page(form, 422)  # not `refused`: the code is used up
    if text is not None:
        after_commit(lambda: send_message(*text))
    session[CHANGED] = True
    token = sessions.prove(g.token_hash, sessions.CODE)
    response = see_other(url_for("accounts.number"))
    auth.remember(response, token, g.device_id)
    return response


@blueprint.get("/me/recovery")
@proven
@signed_in
def recovery_code() -> Response:
    """What the code on paper is for."""
    return make_response(_recovery_page(None))


def _recovery_page(code: str | None) -> str:
    facts = {"has_code": recovery.has_code(g.person.id), "is_elsewhere": _is_elsewhere()}
    return render_template("accounts/recovery.html", code=code, **facts)


@blueprint.post("/me/recovery")
@proven
@signed_in
def make_recovery_code() -> Response:
    """Make a code. This answer is the only place where it ever stands, so it is no 303."""
    code = recovery.make_code(g.person.id, g.device_id)
    response = make_response(_recovery_page(code))
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/sign-in/recovery")
@public
def recover() -> Response:
    """Number and code on paper."""
    return make_response(render_template("accounts/recovery_sign_in.html", form=Form()))


@blueprint.post("/sign-in/recovery")
@public
def use_recovery_code() -> Response:
    """Let in who has both; the next page asks for the new number."""
    form = Form(request.form)
    try:
        phone = forms.read_phone(form, locale.likely_region(request.accept_languages))
        person_id = recovery.use_code(phone, form.value("code"), request.remote_addr or "")
    except RefusedForm:
        return refused("accounts/recovery_sign_in.html", form)
    except TooMany as error:
        security_event("limit.reached", reason=error.code)
        form.errors["code"] = error.message
        return refused("accounts/recovery_sign_in.html", form, error.status)
    if person_id is None:
        security_event("recovery.refused", reason="code_wrong")
        form.errors["code"] = RECOVERY_IS_WRONG  # not `refused`: the try must be counted
        return make_response(render_template("accounts/recovery_sign_in.html", form=form), 422)
    response = sign_in.let_in(person_id, sessions.RECOVERY)
    response.location = url_for("accounts.number")
    return response


@blueprint.get("/handover")
@proven
@allow("members")
def handover() -> Response:
    """Who gets the shop, and what becomes of who had it."""
    _require_owner()
    return make_response(render_template("accounts/handover.html", form=Form(), **_handover_choices()))


def _require_owner() -> None:
    if g.role != "owner":
        raise Forbidden


def _handover_choices() -> dict[str, Any]:
    becomes = [(role, permissions.ROLE_LABELS.get(role, LEAVE_LABEL)) for role in recovery.BECOMES]
    return {"heirs": recovery.heirs(g.shop.id, g.actor.member_id), "becomes": becomes}


@blueprint.post("/handover")
@proven
@allow("members")
def hand_over() -> Response:
    """Make another member the owner."""
    _require_owner()
    form, choices = Form(request.form), _handover_choices()
    heir = form.choice("heir", dict(choices["heirs"]))
    become = form.choice("become", recovery.BECOMES)
    if not form.flag("sure"):
        form.errors["sure"] = SAY_THAT_YOU_ARE_SURE
    if form.is_valid:
        try:
            recovery.hand_over(g.actor, UUID(heir), become)
            return see_other(url_for("accounts.shops" if become == recovery.LEAVE else "accounts.menu"))
        except Invalid as wrong:
            form.errors["heir"] = wrong.message
    return refused("accounts/handover.html", form, **choices)
