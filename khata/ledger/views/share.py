"""A photo of a bill that somebody shares to Khata from their phone: whose bill it is, they say here.

The phone sends it to the address that the manifest names (W3C, Web Share Target). Nothing is written in any book: the
photo waits in `SharedPhotos` for the entry that names it.
"""

from __future__ import annotations

from uuid import UUID

from flask import Response, g, make_response, render_template, url_for

from khata.core.forms import Form
from khata.core.photos import MAX_REQUEST_BYTES
from khata.errors import NotFound
from khata.ledger import queries
from khata.ledger.views import sight
from khata.ledger.views.blueprint import blueprint
from khata.ledger.views.book import listed, one_of
from khata.parties import queries as party_queries
from khata.parties.models import KINDS
from khata.web.auth import allow, takes
from khata.web.pages import page_or_fragment, see_other
from khata.web.uploads import require_photo, shared_photos


@blueprint.post("/share")
@allow("record")
@takes(MAX_REQUEST_BYTES)
def share() -> Response:
    """Keep the photo for a while, for who shared it."""
    photo_id = shared_photos().keep(g.shop.id, g.actor.member_id, require_photo().stream)
    return see_other(url_for("ledger.shared", photo_id=photo_id))


def _require(photo_id: UUID) -> None:
    if not shared_photos().path(g.shop.id, g.actor.member_id, photo_id).is_file():
        raise NotFound


@blueprint.get("/share/<uuid:photo_id>")
@allow("see_parties")
def shared(photo_id: UUID) -> Response:
    """Whose bill is it? The photo, and the parties to choose from."""
    _require(photo_id)
    kind = one_of("kind", KINDS, "customer")
    path = url_for("ledger.shared", photo_id=photo_id)
    text, parties, more = listed(path, kind, "activity", "all")
    return page_or_fragment(
        "ledger/share.html",
        "ledger/_parties.html",
        photo_id=photo_id,
        kind=kind,
        q=text,
        parties=parties,
        next_url=more,
        path=path,
        shop_is_empty=not parties and not text and not queries.shop_has_parties(g.shop.id),
    )


@blueprint.get("/share/<uuid:photo_id>/parties/<uuid:party_id>")
@allow("see_parties")
def shared_for(photo_id: UUID, party_id: UUID) -> Response:
    """The party's page, with the photo in the form. It is not kept: no line of the journal tells of the photo."""
    _require(photo_id)
    row = party_queries.get_party(g.shop.id, party_id)
    if row.merged_into is not None:
        return see_other(url_for("ledger.shared_for", photo_id=photo_id, party_id=row.merged_into))
    form = Form({"shared": str(photo_id)})
    return make_response(render_template("ledger/party.html", form=form, **sight.book(row)))
