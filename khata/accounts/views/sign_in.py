"""Sign in with a code, and out again."""

from __future__ import annotations

from uuid import UUID

from flask import Response, g, make_response, render_template, request, session, url_for

from khata.accounts import actions, forms, queries, sessions
from khata.accounts.views import code_step
from khata.accounts.views.blueprint import blueprint
from khata.core.forms import Form, RefusedForm
from khata.core.phone import calling_code, format_phone
from khata.errors import TooMany
from khata.web import auth, locale
from khata.web.auth import public, signed_in, while_closing, with_pin
from khata.web.pages import refused, see_other

STEP = code_step.Step("code", "accounts.use_code", "accounts.send_code")


@blueprint.get("/sign-in")
@public
def sign_in() -> Response:
    """Language and phone number."""
    if g.person is not None:
        return see_other(url_for("ledger.home"))
    asked = STEP.asked()
    return page(Form({"phone": format_phone(asked.phone)} if asked else {}))


@blueprint.post("/sign-in")
@public
def send_code() -> Response:
    """Send a code to the number."""
    form = Form(request.form)
    try:
        phone = forms.read_phone(form, locale.likely_region(request.accept_languages))
        STEP.send(phone)
    except RefusedForm:
        return page(form, 422)
    except TooMany as error:
        form.errors["phone"] = error.message
        return page(form, error.status)
    return see_other(url_for("accounts.code"))


def page(form: Form, status: int = 200) -> Response:
    """Where signing in begins."""
    prefix = calling_code(locale.likely_region(request.accept_languages))
    if status >= 400:
        return refused("accounts/sign_in.html", form, status, prefix=prefix)
    return make_response(render_template("accounts/sign_in.html", form=form, prefix=prefix))


@blueprint.get("/sign-in/code")
@public
def code() -> Response:
    """Ask for the code."""
    asked = STEP.asked()
    return see_other(url_for("accounts.sign_in")) if asked is None else STEP.page(asked, Form())


@blueprint.post("/sign-in/code")
@public
def use_code() -> Response:
    """Check the code and start a session."""
    asked = STEP.asked()
    if asked is None:
        return see_other(url_for("accounts.sign_in"))
    return STEP.refusal(asked) or _let_in_by_number(asked.phone)


def _let_in_by_number(phone: str) -> Response:
    return let_in(actions.person_for(phone, locale.lang(), locale.arrival()).id, sessions.CODE)


def let_in(person_id: UUID, method: str) -> Response:
    """Sign the person in on this browser, and lead them to where they wanted to go."""
    invited_to = session.get("invitation")
    session.clear()
    if g.token_hash is not None:
        sessions.end_session(g.token_hash)
    device = sessions.device_for(auth.known_device(), device_label(request.user_agent.string))
    shop_id = device.shop_id or queries.shop_last_open(person_id, device.id)
    token = sessions.start_session(person_id, device, method, shop_id)
    has_shop = bool(queries.shops_of(person_id))
    response = see_other(invited_to or url_for("ledger.home" if has_shop else "accounts.new_shop"))
    auth.remember(response, token, device.id)
    locale.keep_language(response, locale.lang())
    return response


def device_label(user_agent: str) -> str:
    """What a device is called until its owner names it."""
    known = ("KAIOS", "Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")
    return next((name for name in known if name.lower() in user_agent.lower()), "Browser")


@blueprint.post("/sign-out")
@while_closing
@with_pin
@signed_in
def sign_out() -> Response:
    """End this browser's session."""
    sessions.end_session(g.token_hash)
    response = see_other(url_for("accounts.unlock" if g.session.idle_seconds else "accounts.sign_in"))
    response.headers["Clear-Site-Data"] = '"cache"'  # never "storage": what is unsent stays
    auth.forget(response)
    return response
