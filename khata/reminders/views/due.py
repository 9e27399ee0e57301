"""By when a party is to pay: the day they promised."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Response, g, make_response, render_template, request, url_for

from khata.core.days import month_end
from khata.core.forms import Form, parse_promised_day
from khata.errors import Invalid
from khata.parties import due
from khata.parties import queries as parties
from khata.reminders import instalments
from khata.reminders.views.blueprint import blueprint
from khata.web.auth import allow, require
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.pages import refused, see_other


@blueprint.app_context_processor
def _on_other_pages() -> dict[str, Any]:
    return {
        "plan_of": lambda party: instalments.standing(g.shop.id, party),
        "promise_days": lambda: (shop_today() + timedelta(days=7), month_end(shop_today())),
    }


@blueprint.get("/parties/<uuid:party_id>/due")
@allow("record")
@kept
def due_day(party_id: UUID) -> Response:
    """The day, and the ways to set it."""
    require("see_balances")
    party = parties.get_party(g.shop.id, party_id)
    return make_response(render_template("reminders/due.html", party=party, form=Form()))


@blueprint.post("/parties/<uuid:party_id>/due")
@allow("record")
def promise(party_id: UUID) -> Response:
    """Write the day that they promised."""
    require("see_balances")
    party, form = parties.get_party(g.shop.id, party_id), Form(request.form)
    day = form.read("on", lambda text: parse_promised_day(text, shop_today()))
    if form.is_valid:
        try:
            due.promise(g.actor, party_id, day)
            return see_other(url_for("ledger.party", party_id=party_id))
        except Invalid as error:
            form.errors["on"] = error.message
    return refused("reminders/due.html", form, party=party)


@blueprint.post("/parties/<uuid:party_id>/due/end")
@allow("record")
def forget_promise(party_id: UUID) -> Response:
    """No day any more."""
    require("see_balances")
    due.forget_promise(g.actor, party_id)
    return see_other(url_for("ledger.party", party_id=party_id))
