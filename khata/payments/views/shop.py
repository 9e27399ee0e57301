"""The shop's side: a party's link, and what other pages show of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, current_app, g, make_response, render_template, request, url_for

from khata.parties import queries as parties
from khata.payments import links, queries
from khata.payments.models import OPEN
from khata.payments.views.blueprint import blueprint
from khata.web.auth import allow
from khata.web.kept import kept
from khata.web.locale import lang
from khata.web.pages import see_other


def url_of(token: str) -> str:
    """The whole address that a customer opens."""
    public = current_app.config["KHATA"].public_url or request.host_url.rstrip("/")
    return public + url_for("payments.pay_page", token=token)


def link_url(party_id: UUID) -> str | None:
    """The address of the party's link, where one holds."""
    token = links.token_for(str(current_app.secret_key), g.shop.id, party_id)
    return url_of(token) if token else None


def open_claims(party_id: UUID) -> list[Any]:
    """What the party said and nobody has answered, oldest first."""
    return [one for one in reversed(queries.claims_of(g.shop.id, party_id, 20)) if one.state == OPEN]


@blueprint.app_context_processor
def _on_the_party_page() -> dict[str, Any]:
    return {"link_url": link_url, "open_claims": open_claims}


@blueprint.post("/parties/<uuid:party_id>/link")
@allow("remind")
def make_link(party_id: UUID) -> Response:
    """Make the party's link, or a new one in its place."""
    party = parties.get_party(g.shop.id, party_id)
    links.make_link(g.actor, str(current_app.secret_key), party_id, party.lang or lang())
    return see_other(url_for("payments.link", party_id=party_id))


@blueprint.post("/parties/<uuid:party_id>/link/end")
@allow("remind")
def end_link(party_id: UUID) -> Response:
    """Take the link back: whoever has it finds nothing any more."""
    links.end_link(g.actor, party_id)
    return see_other(url_for("payments.link", party_id=party_id))


@blueprint.get("/parties/<uuid:party_id>/link")
@allow("remind")
@kept
def link(party_id: UUID) -> Response:
    """The party's link: show it, make it anew, take it back."""
    party = parties.get_party(g.shop.id, party_id)
    row = queries.link_of(g.shop.id, party_id)
    url = link_url(party_id)
    return make_response(render_template("payments/link.html", party=party, link=row if url else None, url=url))
