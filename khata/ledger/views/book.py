"""Home, a party's page, and photos."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, g, request, send_file, url_for

from khata.accounts import notices
from khata.core.forms import Form
from khata.errors import NotFound
from khata.ledger import forms, queries
from khata.ledger.views import sight
from khata.ledger.views.blueprint import blueprint
from khata.parties import queries as party_queries
from khata.parties.models import KINDS
from khata.web import cookies
from khata.web.auth import allow, may
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.pages import page_or_fragment, see_other
from khata.web.uploads import photo_store, shared_photos

BLIND_SORTS, BLIND_FILTERS = ("activity", "name"), ("all",)  # of who may not see balances


@blueprint.get("/")
@allow("see_parties")
@kept
def home() -> Response:
    """Balances, and the parties in the chosen order."""
    sorts, filters = (queries.SORTS, queries.FILTERS) if may("see_balances") else (BLIND_SORTS, BLIND_FILTERS)
    kind = one_of("kind", KINDS, "customer")
    sort = one_of("sort", sorts, cookies.read(cookies.SORT) or "")
    sort = sort if sort in sorts else "activity"
    filter_ = one_of("filter", filters, "all")
    text, parties, more = listed("/", kind, sort, filter_)
    response = page_or_fragment(
        "ledger/home.html",
        "ledger/_parties.html",
        kind=kind,
        totals=queries.totals(g.shop.id),
        parties=parties,
        sort=sort,
        filter=filter_,
        q=text,
        next_url=more,
        finds="find" in request.args,
        notices=notices.told(g.shop.id, g.actor.member_id) if g.role == "owner" else [],
        shop_is_empty=not parties and not text and not queries.shop_has_parties(g.shop.id),
    )
    if request.args.get("sort") == sort != cookies.read(cookies.SORT):
        cookies.keep(response, cookies.SORT, sort)
    return response


def one_of(name: str, allowed: Any, default: str) -> str:
    """What the address says of `name`, if it is allowed."""
    value = request.args.get(name, "")
    return value if value in allowed else default


def listed(path: str, kind: str, sort: str, filter_: str) -> tuple[str, list[Any], str | None]:
    """(what is searched for, a page of parties, the address of the next one, at `path`)."""
    text = request.args.get("q", "").strip()[:80]
    if text:
        return text, party_queries.search(g.shop.id, text, kind), None
    place = request.args.get("after")
    after = forms.party_cursor(sort, place) if place else None
    parties, more = queries.list_parties(g.shop.id, kind, sort, filter_, shop_today(), after)
    if more is None:
        return "", parties, None
    shown = {"kind": None if kind == "customer" else kind, "filter": None if filter_ == "all" else filter_}
    return "", parties, forms.with_query(path, **shown, sort=sort, after=forms.spell_party_cursor(sort, more))


@blueprint.get("/parties/<uuid:party_id>")
@allow("see_parties")
@kept
def party(party_id: UUID) -> Response:
    """A party's balance and entries, and the form to write the next one."""
    row = party_queries.get_party(g.shop.id, party_id)
    if row.merged_into is not None:
        return see_other(url_for("ledger.party", party_id=row.merged_into))
    book = sight.book(row, request.args.get("before"))
    return page_or_fragment("ledger/party.html", "ledger/_entries.html", form=Form(), **book)


@blueprint.get("/photos/<uuid:photo_id>")
@allow("see_parties")
def photo(photo_id: UUID) -> Response:
    """A photo of this shop, or one that this member shared."""
    path = photo_store().path(g.shop.id, photo_id)
    if not path.is_file() or not (sight.sees_photo(photo_id) or party_queries.is_of_party(g.shop.id, photo_id)):
        path = shared_photos().path(g.shop.id, g.actor.member_id, photo_id)
    if not path.is_file():
        raise NotFound
    response = send_file(path, mimetype="image/jpeg", max_age=31_536_000)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
