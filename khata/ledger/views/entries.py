"""Write, look at, change, delete and bring back entries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, g, make_response, render_template, request, url_for

from khata.accounts.queries import member_names
from khata.core.forms import Form
from khata.core.money import to_plain
from khata.core.photos import MAX_REQUEST_BYTES
from khata.errors import Conflict, Forbidden, Invalid, KhataError
from khata.ledger import actions, forms, history, queries, rights
from khata.ledger.actions import AlreadyWritten, Content
from khata.ledger.views import sight
from khata.ledger.views.blueprint import blueprint
from khata.parties import queries as party_queries
from khata.web.auth import allow, may, takes, unattended
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.pages import refused, see_other, wants_fragment, wants_json
from khata.web.uploads import photo_store, read_photo, read_shared, require_photo


@blueprint.post("/parties/<uuid:party_id>/entries")
@allow("record")
@takes(MAX_REQUEST_BYTES)
def record(party_id: UUID) -> Response:
    """Write what was given or got."""
    form = Form(request.form)
    entry_id, content = form.id(), forms.read_entry(form, g.shop.currency, shop_today())
    content = content._replace(photo_id=read_photo(form) or read_shared(form))
    if not form.is_valid:
        return _refused_entry(party_id, form)
    try:
        actions.record_entry(g.actor, party_id, entry_id, content)
    except AlreadyWritten as conflict:
        return _two_versions(conflict, entry_id)
    except Invalid as wrong:
        form.errors["amount"] = wrong.message
        return _refused_entry(party_id, form)
    if not wants_fragment():
        return see_other(url_for("ledger.party", party_id=party_id))
    row = party_queries.get_party(g.shop.id, party_id)
    response = make_response(render_template("ledger/entry_recorded.html", form=Form(), **sight.book(row)))
    if form.value("shared"):
        response.headers["HX-Replace-Url"] = url_for("ledger.party", party_id=party_id)  # which offers it once
    return response


def _refused_entry(party_id: UUID, form: Form) -> Response:
    row = party_queries.get_party(g.shop.id, party_id)
    if wants_fragment():
        return refused("ledger/_entry_form.html", form, party=row)
    return refused("ledger/party.html", form, **sight.book(row))


def _two_versions(conflict: AlreadyWritten, entry_id: UUID) -> Response:
    ours = conflict.ours
    shown = {**ours._asdict(), "amount": to_plain(ours.amount_minor, g.shop.currency)}
    theirs = {**conflict.written, "on": date.fromisoformat(conflict.written["on"])}
    versions = [shown] if not sight.sees_entry(entry_id) else [theirs, shown]
    row = party_queries.get_party(g.shop.id, conflict.party_id)
    return refused("ledger/entry_conflict.html", Form(), 409, versions=versions, ours=shown, party=row)


@blueprint.get("/entries/<uuid:entry_id>")
@allow("see_parties")
@kept
def entry(entry_id: UUID) -> Response:
    """An entry, its history, and the form to change it."""
    return make_response(render_template("ledger/entry.html", form=Form(), **_entry_page(entry_id)))


def _entry_page(entry_id: UUID) -> dict[str, Any]:
    row = sight.entry(entry_id)
    party_row = party_queries.get_party(g.shop.id, row.party_id)
    names = member_names(g.shop.id, [row.deleted_by])
    shown = {
        **row._asdict(),
        "party_name": party_row.name,
        "amount": to_plain(row.amount_minor, g.shop.currency),
        "deleted_by_name": names.get(row.deleted_by, ""),
    }
    return {
        "entry": shown,
        "may_change": _may(rights.changes_entry, entry_id),
        "may_add_photo": may("record") and not (row.photo_id or row.deleted_at) and _may(rights.adds_photo, entry_id),
        "party": party_row,
        "versions": history.versions(g.shop.id, entry_id),
    }


def _may(right: Callable[..., bool], entry_id: UUID) -> bool:
    return right(g.actor, g.permissions, entry_id, g.shop.time_zone)


@blueprint.post("/entries/<uuid:entry_id>")
@allow("record")
@takes(MAX_REQUEST_BYTES)
def edit(entry_id: UUID) -> Response:
    """Write a new version of an entry."""
    row = sight.entry(entry_id)
    if not _may(rights.changes_entry, entry_id):
        raise Forbidden
    form = Form({"in_cash": "", **request.form})
    content: Content = forms.read_entry(form, g.shop.currency, shop_today())._replace(photo_id=read_photo(form))
    if form.is_valid:
        try:
            actions.edit_entry(g.actor, entry_id, forms.read_version(form), content)
            return see_other(url_for("ledger.party", party_id=row.party_id))
        except (Invalid, Conflict) as wrong:
            return _refused_edit(entry_id, form, wrong)
    return refused("ledger/entry.html", form, **_entry_page(entry_id))


def _refused_edit(entry_id: UUID, form: Form, wrong: KhataError) -> Response:
    form.errors["amount"] = wrong.message
    current = queries.get_entry(g.shop.id, entry_id)
    form.values["version"] = str(current.version)  # whoever saves again has seen the newer version in the history
    return refused("ledger/entry.html", form, wrong.status, **_entry_page(entry_id))


@blueprint.post("/entries/<uuid:entry_id>/photo")
@unattended
@allow("record")
@takes(MAX_REQUEST_BYTES)
def add_photo(entry_id: UUID) -> Response:
    """Put a photo to an entry that is there: a phone's outbox sends entries first, then their photos, each alone."""
    row = queries.get_entry(g.shop.id, entry_id)
    if not _may(rights.adds_photo, entry_id):
        sight.entry(entry_id)  # who may not see it is not told that it is there
        raise Forbidden
    photo_id = photo_store().keep(g.shop.id, require_photo().stream)
    actions.attach_photo(g.actor, entry_id, photo_id, may_replace=_may(rights.replaces_photo, entry_id))
    if wants_json():
        return Response(status=204)
    if not sight.sees_entry(entry_id):  # their own of another day
        return see_other(url_for("ledger.party", party_id=row.party_id))
    return see_other(url_for("ledger.entry", entry_id=entry_id))


@blueprint.post("/entries/<uuid:entry_id>/deletion")
@allow("delete_entries")
def delete(entry_id: UUID) -> Response:
    """Strike an entry through."""
    party_id = sight.entry(entry_id).party_id
    actions.delete_entry(g.actor, entry_id)
    return see_other(url_for("ledger.party", party_id=party_id))


@blueprint.post("/entries/<uuid:entry_id>/restoration")
@allow("delete_entries")
def restore(entry_id: UUID) -> Response:
    """Take a deletion back."""
    party_id = sight.entry(entry_id).party_id
    actions.restore_entry(g.actor, entry_id)
    return see_other(url_for("ledger.party", party_id=party_id))
