"""Passkeys: one's own page of them, signing in by one, and showing by one who it is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from flask import Response, current_app, g, make_response, render_template, request, session, url_for

from khata.accounts import passkeys, queries, sessions
from khata.accounts.passkeys import Challenge, Site
from khata.accounts.views import proof, sign_in
from khata.accounts.views.blueprint import blueprint
from khata.core import clock
from khata.core.forms import Form, RefusedForm
from khata.errors import Invalid
from khata.web.auth import proven, public, signed_in, with_pin
from khata.web.logs import security_event
from khata.web.pages import refused, see_other

KEPT = "challenge"  # where the visit keeps it


@blueprint.get("/passkeys")
@signed_in
def list_passkeys() -> Response:
    """The person's passkeys."""
    return _page(Form(), is_adding=False)


@blueprint.get("/passkeys/new")
@proven
@signed_in
def new_passkey() -> Response:
    """Add one on this phone."""
    return _page(Form(), is_adding=True)


def _page(form: Form, *, is_adding: bool, status: int = 200) -> Response:
    label = queries.device_labels([g.device_id])[g.device_id]
    context = {"passkeys": queries.passkeys_of(g.person.id), "is_adding": is_adding, "device_label": label}
    if status >= 400:
        return refused("accounts/passkeys.html", form, status, **context)
    return make_response(render_template("accounts/passkeys.html", form=form, **context))


@blueprint.post("/passkeys")
@proven
@signed_in
def add_passkey() -> Response:
    """Keep what the phone made."""
    form, challenge = Form(request.form), _take_challenge()
    label = form.name("label", 40)
    try:
        form.require_valid()
        new = passkeys.New(challenge, form.value("answer"), label)
        passkeys.add(_site(), g.person, g.device_id, new)
    except Invalid as error:
        return _page(_refusal(form, error), is_adding=True, status=422)
    return see_other(url_for("accounts.list_passkeys"))


def _refusal(form: Form, error: Invalid) -> Form:
    if not isinstance(error, RefusedForm):
        security_event("passkey.refused", reason=error.code)
        form.errors["answer"] = error.message
    return form


@blueprint.post("/passkeys/<uuid:passkey_id>/removal")
@proven
@signed_in
def remove_passkey(passkey_id: UUID) -> Response:
    """Forget one."""
    passkeys.remove(g.person.id, g.device_id, passkey_id, g.token_hash)
    return see_other(url_for("accounts.list_passkeys"))


@blueprint.get("/passkeys/new/challenge")
@proven
@signed_in
def making_challenge() -> Response:
    """What the phone is asked to make."""
    return _challenge(lambda site, challenge: passkeys.making(site, challenge, g.person))


@blueprint.get("/passkeys/challenge")
@public
def asking_challenge() -> Response:
    """What the phone is asked for. A button fetches it when it is tapped: a page may lie open for hours before."""
    person_id = g.person.id if g.person is not None else None
    return _challenge(lambda site, challenge: passkeys.asking(site, challenge, person_id))


def _challenge(options: Callable[[Site, Challenge], str]) -> Response:
    challenge = passkeys.new_challenge()
    session[KEPT] = [base64.b64encode(challenge.value).decode(), clock.milliseconds(challenge.made_at)]
    return Response(
        options(_site(), challenge), mimetype="application/json", headers={"Cache-Control": "private, no-store"}
    )


def _take_challenge() -> Challenge | None:
    """The challenge that this browser was given; the next time there is none."""
    value, made_at = session.pop(KEPT, ("", 0))
    return Challenge(base64.b64decode(value), clock.EPOCH + timedelta(milliseconds=made_at)) if value else None


def _site() -> Site:
    """Where this installation is reached: by its public name, else by the one it was asked by."""
    return passkeys.site_of(current_app.config["KHATA"].public_url or request.host_url)


@blueprint.get("/sign-in/passkey")
@public
def passkey_refused() -> Response:
    """Where a refused page stood, when it is opened again."""
    return see_other(url_for("accounts.sign_in"))


@blueprint.post("/sign-in/passkey")
@public
def sign_in_by_passkey() -> Response:
    """Start a session for whoever the passkey belongs to."""
    form, challenge = Form(request.form), _take_challenge()
    try:
        person_id = passkeys.use(_site(), challenge, form.value("answer"))
    except Invalid as error:
        return sign_in.page(_refusal(Form(), error), 422)
    return sign_in.let_in(person_id, sessions.PASSKEY)


@blueprint.post("/proof/passkey")
@with_pin
@signed_in
def prove_by_passkey() -> Response:
    """Show by a passkey of one's own who it is."""
    form, challenge = Form(request.form), _take_challenge()
    try:
        passkeys.use(_site(), challenge, form.value("answer"), g.person.id)
    except Invalid as error:
        return proof.page(_refusal(Form(), error), 422)
    return proof.go_on(sessions.PASSKEY)
