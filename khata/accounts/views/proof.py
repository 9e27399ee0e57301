"""What weighs more asks once more who it is: `auth.proven` sends people here, and they go on from here."""

from __future__ import annotations

from flask import Response, g, make_response, render_template, session, url_for

from khata.accounts import queries, sessions
from khata.accounts.views import code_step
from khata.accounts.views.blueprint import blueprint
from khata.core.forms import Form
from khata.core.phone import format_phone
from khata.errors import Forbidden, TooMany
from khata.web import auth
from khata.web.auth import signed_in, with_pin
from khata.web.pages import refused, see_other

STEP = code_step.Step("proof", "accounts.use_proof", "accounts.send_proof")


@blueprint.get("/proof")
@with_pin
@signed_in
def proof() -> Response:
    """Say why, and offer the ways."""
    return page(Form())


def page(form: Form, status: int = 200) -> Response:
    """Where it is chosen how."""
    context = {"phone_shown": format_phone(_own_number()), "has_passkey": bool(queries.passkeys_of(g.person.id))}
    if status >= 400:
        return refused("accounts/proof.html", form, status, **context)
    return make_response(render_template("accounts/proof.html", form=form, **context))


def _own_number() -> str:
    if g.person.phone is None:
        raise Forbidden  # who works by PIN only has nothing else to show
    return str(g.person.phone)


@blueprint.post("/proof")
@with_pin
@signed_in
def send_proof() -> Response:
    """Send a code to the person's own number."""
    form, phone = Form(), _own_number()
    try:
        STEP.send(phone)
    except TooMany as error:
        form.errors["phone"] = error.message
        return page(form, error.status)
    return see_other(url_for("accounts.proof_code"))


@blueprint.get("/proof/code")
@with_pin
@signed_in
def proof_code() -> Response:
    """Ask for the code."""
    asked = STEP.asked()
    return see_other(url_for("accounts.proof")) if asked is None else STEP.page(asked, Form())


@blueprint.post("/proof/code")
@with_pin
@signed_in
def use_proof() -> Response:
    """Check the code; the session gets a new token, as its rights rise."""
    asked = STEP.asked()
    if asked is None or asked.phone != g.person.phone:
        return see_other(url_for("accounts.proof"))
    return STEP.refusal(asked) or go_on(sessions.CODE)


def go_on(method: str) -> Response:
    """Back to what asked for the proof, with a new token."""
    token = sessions.prove(g.token_hash, method)
    response = see_other(session.pop("wanted", "") or url_for("accounts.menu"))
    auth.remember(response, token, g.device_id)
    return response
