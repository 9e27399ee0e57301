"""What is kept; deleting a shop or an account, and keeping it after all."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, render_template, request, url_for

from khata.accounts.codes import CODES_KEPT
from khata.accounts.sessions import RESTS
from khata.core.forms import Form, RefusedForm
from khata.errors import Forbidden
from khata.privacy import actions, forms, queries
from khata.privacy.actions import CHANGE_OF_MIND
from khata.privacy.retention import IMPORTS_KEPT, SHARED_KEPT
from khata.web.auth import allow, proven, public, signed_in, while_closing, with_pin
from khata.web.pages import refused, see_other

blueprint = Blueprint("privacy", __name__)


@blueprint.get("/privacy")
@public
def page() -> Response:
    """What is kept, why, where, for how long, and who sees it."""
    kept = {
        "codes": CODES_KEPT,
        "imports": IMPORTS_KEPT,
        "shared": SHARED_KEPT,
        "rests": RESTS,
        "mind": CHANGE_OF_MIND,
    }
    return make_response(render_template("privacy/page.html", **{name: time.days for name, time in kept.items()}))


# a shop


@blueprint.get("/shops/deletion")
@proven
@allow("settings")
def shop_deletion() -> Response:
    """What goes with the shop."""
    _require_owner()
    return make_response(render_template("privacy/shop.html", form=Form(), mind=CHANGE_OF_MIND.days))


def _require_owner() -> None:
    if g.role != "owner":
        raise Forbidden


@blueprint.post("/shops/deletion")
@proven
@allow("settings")
def delete_shop() -> Response:
    """Let the shop be deleted, once its name was typed."""
    form = Form(request.form)
    _require_owner()
    try:
        forms.require_name_of_shop(form, g.shop.name)
    except RefusedForm:
        return refused("privacy/shop.html", form, mind=CHANGE_OF_MIND.days)
    actions.close_shop(g.actor)
    return see_other(url_for("ledger.home"))


@blueprint.post("/shops/deletion/end")
@while_closing
@allow("settings")
def keep_shop() -> Response:
    """The shop stays; who is going themself says first that they stay."""
    if g.person.erase_at is not None:
        return see_other(url_for("privacy.leaving"))
    actions.keep_shop(g.actor)
    return see_other(url_for("ledger.home"))


# an account


@blueprint.get("/me/deletion")
@proven
@signed_in
def account_deletion() -> Response:
    """What goes with the account."""
    places = queries.places_of(g.person.id)
    return make_response(render_template("privacy/account.html", places=places, mind=CHANGE_OF_MIND.days))


@blueprint.post("/me/deletion")
@proven
@signed_in
def delete_account() -> Response:
    """Let the account be deleted."""
    actions.leave(g.person.id, g.device_id)
    return see_other(url_for("privacy.leaving"))


@blueprint.get("/me/leaving")
@while_closing
@with_pin
@signed_in
def leaving() -> Response:
    """When the account goes, and a way to keep it: all that somebody sees who signs in meanwhile."""
    if g.person.erase_at is None:
        return see_other(url_for("accounts.me"))
    return make_response(render_template("privacy/leaving.html"))


@blueprint.post("/me/deletion/end")
@while_closing
@signed_in
def keep_account() -> Response:
    """The account stays, with its shops."""
    actions.stay(g.person.id, g.device_id)
    return see_other(url_for("ledger.home"))
