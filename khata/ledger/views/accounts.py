"""An account as a whole: settle it, move or join it, its statement."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from flask import Response, g, make_response, render_template, request, url_for
from flask_babel import gettext

from khata.core.forms import Form, parse_day
from khata.core.ids import parse_id
from khata.errors import Conflict
from khata.ledger import actions, forms, queries
from khata.ledger.views.blueprint import blueprint
from khata.parties import queries as party_queries
from khata.parties.models import KINDS
from khata.web.auth import allow, require
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.pages import refused, see_other


@blueprint.get("/parties/<uuid:party_id>/settlement")
@allow("record")
@kept
def settlement(party_id: UUID) -> Response:
    """Ask before the balance is brought to zero."""
    require("see_balances")
    row = party_queries.get_party(g.shop.id, party_id)
    return make_response(render_template("ledger/settlement.html", party=row, form=Form()))


@blueprint.post("/parties/<uuid:party_id>/settlement")
@allow("record")
def settle(party_id: UUID) -> Response:
    """Bring the balance to zero."""
    require("see_balances")
    form = Form(request.form)
    entry_id, expected, in_cash = forms.read_settlement(form)
    is_readable = form.is_valid
    if is_readable:
        try:
            actions.settle(g.actor, party_id, entry_id, expected, shop_today(), in_cash=in_cash)
            return see_other(url_for("ledger.party", party_id=party_id))
        except Conflict as changed:
            form.errors["expected_minor"], form.values["id"] = changed.message, ""
    row = party_queries.get_party(g.shop.id, party_id)
    return refused("ledger/settlement.html", form, 409 if is_readable else 422, party=row)


@blueprint.post("/parties/<uuid:party_id>/kind")
@allow("edit_parties")
def move(party_id: UUID) -> Response:
    """Make a customer a supplier, or the other way round."""
    form = Form(request.form)
    kind = form.choice("kind", KINDS)
    form.require_valid()
    actions.move_party(g.actor, party_id, kind)
    return see_other(url_for("ledger.party", party_id=party_id))


@blueprint.get("/parties/<uuid:party_id>/merge")
@allow("edit_parties")
def choose_merge(party_id: UUID) -> Response:
    """Choose the account that is the same person."""
    row = party_queries.get_party(g.shop.id, party_id)
    text = request.args.get("q", "").strip()[:80]
    found = party_queries.search(g.shop.id, text or row.name.split()[0])
    candidates = [other for other in found if other.id != party_id]
    return make_response(render_template("parties/merge.html", party=row, q=text, candidates=candidates))


@blueprint.post("/parties/<uuid:party_id>/merge")
@allow("edit_parties")
def merge(party_id: UUID) -> Response:
    """Join this account with another one."""
    into = parse_id(request.form.get("into", ""))
    actions.merge_parties(g.actor, party_id, into)
    return see_other(url_for("ledger.party", party_id=into))


@blueprint.get("/parties/<uuid:party_id>/statement")
@allow("see_reports")
@kept
def statement(party_id: UUID) -> Response:
    """A party's account between two days."""
    row = party_queries.get_party(g.shop.id, party_id)
    form, today = Form(request.args), shop_today()
    end = form.optional("to", parse_day) or today
    start = form.optional("from", parse_day) or min(end, today).replace(day=1)
    if form.is_valid and start > end:
        form.errors["from"] = gettext("The first day is after the last one.")
    after = request.args.get("after")
    place = forms.entry_cursor(after) if after and form.is_valid else None
    if not form.is_valid:
        start = end = today
    account = queries.statement(g.shop.id, party_id, start, end, place)
    html = render_template(
        "ledger/statement.html",
        party=row,
        shop=g.shop,
        from_=start,
        to=end,
        form=form,
        next_url=_next_statement(party_id, start, end, account),
        **account._asdict(),
    )
    return make_response(html, 200 if form.is_valid else 422)


def _next_statement(party_id: UUID, start: date, end: date, account: queries.Statement) -> str | None:
    if account.next is None:
        return None
    path = url_for("ledger.statement", party_id=party_id)
    place = forms.spell_entry_cursor(account.next)
    return path + forms.with_query("", **{"from": start.isoformat(), "to": end.isoformat(), "after": place})
