"""Add, change, delete and bring back parties."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, g, make_response, render_template, request, url_for

from khata.core.forms import Form
from khata.core.money import to_plain
from khata.core.photos import MAX_REQUEST_BYTES
from khata.errors import Conflict
from khata.parties import actions, forms, queries
from khata.parties.actions import Details, NumberTaken
from khata.parties.models import KINDS
from khata.web import locale
from khata.web.auth import allow, require, takes
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.pages import refused, see_other
from khata.web.uploads import read_photo, shared_photo

blueprint = Blueprint("parties", __name__)


def _read_details(form: Form) -> Details:
    details = forms.read_details(form, g.shop.currency, g.shop.country, shop_today(), locale.CODES)
    return details._replace(photo_id=read_photo(form))


def _refuse_number(form: Form, error: NumberTaken) -> None:
    party = error.party
    form.conflict = {"id": party.id, "name": party.name, "deleted": party.deleted_at is not None}


def _kind_of(text: str) -> str:
    return text if text in KINDS else "customer"


@blueprint.get("/parties/new")
@allow("edit_parties")
@kept
def new() -> Response:
    """The form of a new customer or supplier."""
    kind = _kind_of(request.args.get("kind", ""))
    form = Form({name: request.args.get(name, "") for name in ("name", "shared")})
    return make_response(render_template("parties/new.html", form=form, kind=kind))


@blueprint.post("/parties")
@allow("edit_parties")
@takes(MAX_REQUEST_BYTES)
def add() -> Response:
    """Add a customer or supplier."""
    form = Form(request.form)
    kind = forms.read_kind(form)
    party_id, details = form.id(), _read_details(form)
    if form.is_valid:
        try:
            actions.add_party(g.actor, party_id, kind, details)
            photo_id = shared_photo(form.value("shared"))  # it waits for their first entry
            if photo_id is not None:
                return see_other(url_for("ledger.shared_for", photo_id=photo_id, party_id=party_id))
            return see_other(url_for("ledger.party", party_id=party_id))
        except NumberTaken as error:
            _refuse_number(form, error)
        except Conflict as error:
            form.errors["name"], form.values["id"] = error.message, ""  # saved again, it is somebody else
            return refused("parties/new.html", form, error.status, kind=_kind_of(kind))
    return refused("parties/new.html", form, kind=_kind_of(kind))


@blueprint.get("/parties/<uuid:party_id>/edit")
@allow("edit_parties")
@kept
def edit(party_id: UUID) -> Response:
    """The form of a party as it stands."""
    party = queries.get_party(g.shop.id, party_id)
    limit = party.credit_limit_minor
    values = {name: getattr(party, name) or "" for name in ("name", "phone", "address", "gstin", "note", "lang")}
    form = Form(
        {
            **values,
            "credit_limit": "" if limit is None else to_plain(limit, g.shop.currency),
            "due_on": party.due_on.isoformat() if party.due_on else "",
        }
    )
    return make_response(render_template("parties/edit.html", form=form, party=party, kind=party.kind))


@blueprint.post("/parties/<uuid:party_id>")
@allow("edit_parties")
@takes(MAX_REQUEST_BYTES)
def change(party_id: UUID) -> Response:
    """Change a party."""
    party = queries.get_party(g.shop.id, party_id)
    form = Form(request.form)
    details = _read_details(form)
    if form.is_valid:
        try:
            actions.edit_party(g.actor, party_id, details)
            return see_other(url_for("ledger.party", party_id=party_id))
        except NumberTaken as error:
            _refuse_number(form, error)
    return refused("parties/edit.html", form, party=party, kind=party.kind)


@blueprint.post("/parties/<uuid:party_id>/deletion")
@allow("edit_parties")
def delete(party_id: UUID) -> Response:
    """Delete a settled party; one with a balance is offered to be settled first. Either tells how it stands."""
    require("see_balances")
    try:
        actions.delete_party(g.actor, party_id)
    except actions.NotSettled:
        return see_other(url_for("ledger.settlement", party_id=party_id))
    return see_other(url_for("ledger.home"))


@blueprint.post("/parties/<uuid:party_id>/restoration")
@allow("edit_parties")
def restore(party_id: UUID) -> Response:
    """Bring a deleted party back."""
    actions.restore_party(g.actor, party_id)
    return see_other(url_for("ledger.party", party_id=party_id))
