"""The page that a customer opens by their link: what is owed, the entries, how to pay, and what they have to say."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

from flask import Response, current_app, g, make_response, render_template, request, send_file, url_for

from khata.accounts import queries as accounts
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import confine, transaction
from khata.core.forms import Form
from khata.core.money import to_plain
from khata.core.tokens import TOKEN_LENGTH
from khata.errors import KhataError, NotFound, TooMany
from khata.ledger import queries as ledger
from khata.messages import consent
from khata.parties import actions as party_actions
from khata.parties import queries as parties
from khata.payments import claims, forms, links, queries, ways
from khata.payments.gateways.contract import Gateway
from khata.payments.models import PROMISE, WRONG, PayLink
from khata.payments.views.blueprint import blueprint
from khata.web import locale
from khata.web.auth import CurrentShop, public
from khata.web.pages import refused, see_other
from khata.web.security import let_forms_lead_to
from khata.web.uploads import photo_store

TOKEN = f"<string(length={TOKEN_LENGTH}):token>"
PAGE = "payments/pay_page.html"
ANSWERS_SHOWN = 5


class Visit(NamedTuple):
    """Whose page it is."""

    link: PayLink
    party: Any
    shop: Any


def visit(token: str) -> Visit:
    """Find the shop and the party of a link, and show only what is theirs; raises NoLink.

    Whoever opens it is the customer, even where a member of some shop is signed in on the same phone.
    """
    link = links.find_link(token)
    confine(link.shop_id)
    g.person = g.session = g.actor = None
    g.is_customer = True
    g.permissions = frozenset()
    shop = accounts.shop_by_id(link.shop_id)
    if shop is None or shop.erase_at is not None:
        raise links.NoLink
    g.shop = CurrentShop(shop.id, shop.name, shop.category, shop.currency, shop.time_zone, shop.country, shop.erase_at)
    g.today = clock.today(shop.time_zone)
    party = parties.where_it_went(shop.id, link.party_id)
    if party.deleted_at is not None:
        raise links.NoLink
    _speak(party.lang or link.lang)
    return Visit(link, party, shop)


def _speak(code: str) -> None:
    """The customer's language, unless the address asks for another one."""
    asked = request.args.get("lang")
    g.lang = next((one for one in (asked, code) if one in locale.CODES), locale.lang())
    g.pop("translations", None)


@blueprint.get(f"/pay/{TOKEN}")
@public
def pay_page(token: str) -> Response:
    """What is owed, and how to pay it."""
    seen = visit(token)
    if not links.is_seen_today(seen.link, g.shop.time_zone) and request.headers.get("Sec-Purpose") is None:
        shop_id, link_id = seen.link.shop_id, seen.link.id
        with transaction():
            links.see_link(shop_id, link_id, g.shop.time_zone)
        seen = visit(token)
    return page(token, seen)


def page(token: str, seen: Visit, form: Form | None = None, status: int = 200) -> Response:
    """The page; with a form that was refused, as it was typed."""
    if form is None:
        response = make_response(render_template(PAGE, token=token, form=Form(), **_shown(seen)))
    else:
        response = refused(PAGE, form, status, token=token, **_shown(seen))
    gateway = gateway_for(seen)
    return response if gateway is None else let_forms_lead_to(response, gateway.origins)


def gateway_for(seen: Visit) -> Gateway | None:
    """Who takes the party's money, where any is owed: the first gateway of the settings that takes the currency."""
    if seen.party.balance_minor <= 0:
        return None
    gateways: dict[str, Gateway] = current_app.extensions["khata_gateways"]
    return next((one for one in gateways.values() if one.takes(seen.shop.currency)), None)


def _shown(seen: Visit) -> dict[str, Any]:
    oldest, newest = queries.entry_days(seen.shop.id, seen.party.id)
    first = forms.read_month(request.args.get("month", "")) or (newest or g.today).replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    account = ledger.statement(seen.shop.id, seen.party.id, first, last)
    return {
        "shop": seen.shop,
        "party": seen.party,
        "ways": _ways(seen) if seen.party.balance_minor > 0 else [],
        "owed": to_plain(seen.party.balance_minor, seen.shop.currency),
        "gateway": gateway_for(seen),
        "month": first,
        "account": account,
        "older": _spelled(first - timedelta(days=1)) if oldest and oldest < first else None,
        "newer": _spelled(last + timedelta(days=1)) if newest and newest > last else None,
        "answers": queries.claims_of(seen.shop.id, seen.party.id, ANSWERS_SHOWN),
        "is_written_to": bool(consent.given(seen.shop.id, seen.party.id)),
        "said": request.args.get("said", ""),
    }


def _ways(seen: Visit) -> list[ways.Way]:
    """What a person can type or scan: the page itself is open already."""
    found = ways.ways(seen.shop, seen.party.balance_minor, seen.party.name, "")
    return [one for one in found if one.scheme != ways.LINK]


def _spelled(day: date) -> str:
    return f"{day:%Y-%m}"


@blueprint.get(f"/pay/{TOKEN}/wrong")
@public
def wrong(token: str) -> Response:
    """Which entry of the month is wrong, and why."""
    seen = visit(token)
    return make_response(render_template("payments/wrong.html", token=token, form=Form(), **_shown(seen)))


@blueprint.post(f"/pay/{TOKEN}/claims")
@public
def claim(token: str) -> Response:
    """The customer says: I have paid, this entry is wrong, or I will pay on a day."""
    seen = visit(token)
    form = Form(request.form)
    claim_id, said = form.id(), _read_claim(form, seen)
    status = 422
    if form.is_valid:
        try:
            claims.make_claim(seen.shop.id, seen.party.id, claim_id, said)
            return see_other(url_for("payments.pay_page", token=token, said=said.kind))
        except TooMany as many:
            form.errors[_last_field(said)], status = many.message, many.status
        except KhataError as error:
            form.errors[_last_field(said)], form.values["id"], status = error.message, "", error.status
    if said.kind != WRONG:
        return page(token, seen, form, status)
    return refused("payments/wrong.html", form, status, token=token, **_shown(seen))


def _last_field(said: claims.Said) -> str:
    """Where a sentence about the whole form stands."""
    return "day" if said.kind == PROMISE else "note"


def _read_claim(form: Form, seen: Visit) -> claims.Said:
    return forms.read_claim(form, seen.shop.id, seen.party.id, seen.shop.currency, g.today)


@blueprint.post(f"/pay/{TOKEN}/language")
@public
def language(token: str) -> Response:
    """The customer chooses their language: the page and what the shop sends them speak it from now on."""
    seen = visit(token)
    form = Form(request.form)
    code = form.choice("lang", locale.CODES)
    if form.is_valid:
        party_actions.choose_language(Actor(seen.shop.id, None), seen.party.id, code)
    return see_other(url_for("payments.pay_page", token=token))


@blueprint.get(f"/pay/{TOKEN}/photo")
@public
def picture(token: str) -> Response:
    """The shop's own photo."""
    seen = visit(token)
    path = photo_store().path(seen.shop.id, seen.shop.picture_id) if seen.shop.picture_id else None
    if path is None or not path.is_file():
        raise NotFound
    response = send_file(path, mimetype="image/jpeg", max_age=86_400)
    response.headers["Cache-Control"] = "private, max-age=86400"
    return response
