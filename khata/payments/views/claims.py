"""What customers said, for the shop to say yes or no to."""

from __future__ import annotations

from uuid import UUID

from flask import Response, g, make_response, render_template, request, url_for

from khata.payments import claims as actions
from khata.payments import queries
from khata.payments.models import CLAIM_STATES, OPEN
from khata.payments.views.blueprint import blueprint
from khata.web.auth import allow, require
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.pages import see_other


@blueprint.get("/claims")
@allow("see_balances")
@kept
def claims() -> Response:
    """What customers said, newest first."""
    state = request.args.get("state", OPEN)
    state = state if state in CLAIM_STATES else OPEN
    return make_response(render_template("payments/claims.html", claims=queries.claims(g.shop.id, state), state=state))


@blueprint.post("/claims/<uuid:claim_id>/confirmation")
@allow("record")
def confirm(claim_id: UUID) -> Response:
    """It is so: a payment is written into the book, once."""
    require("see_balances")
    party_id = actions.confirm(g.actor, claim_id, shop_today())
    return see_other(url_for("ledger.party", party_id=party_id))


@blueprint.post("/claims/<uuid:claim_id>/refusal")
@allow("record")
def decline(claim_id: UUID) -> Response:
    """It is not so: the book stays as it is."""
    require("see_balances")
    party_id = actions.decline(g.actor, claim_id)
    return see_other(url_for("ledger.party", party_id=party_id))
