"""The shops of a person: open one, go into another, change it."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from flask import Response, g, make_response, render_template, request, url_for

from khata.accounts import actions, forms, queries, sessions
from khata.accounts.catalogue import CATEGORIES
from khata.accounts.models import Shop
from khata.accounts.views.blueprint import blueprint
from khata.core.forms import Form, RefusedForm
from khata.core.payment_qr import schemes_for
from khata.core.phone import country_defaults, region_of
from khata.core.photos import MAX_REQUEST_BYTES
from khata.errors import Invalid, NotFound
from khata.web import locale
from khata.web.auth import allow, signed_in, takes
from khata.web.pages import refused, see_other
from khata.web.uploads import read_photo

TIME_ZONES = frozenset(available_timezones())


@blueprint.get("/shops/new")
@signed_in
def new_shop() -> Response:
    """The form of a new shop."""
    return make_response(render_template("accounts/shop_new.html", form=Form(), **_shop_choices()))


@blueprint.post("/shops/new")
@signed_in
def open_shop() -> Response:
    """Make a shop and go into it."""
    form = Form(request.form)
    try:
        new = forms.read_new_shop(form, g.person.phone, forms.IN_USE, TIME_ZONES)
        own_name = forms.read_own_name(form)
        if own_name and not g.person.name:
            actions.edit_person(g.person.id, g.device_id, own_name, g.person.lang)
    except RefusedForm:
        return refused("accounts/shop_new.html", form, **_shop_choices())
    except Invalid as wrong:
        form.errors["own_name"] = wrong.message
        return refused("accounts/shop_new.html", form, **_shop_choices())
    owner = actions.open_shop(g.person.id, g.device_id, new)
    sessions.enter_shop(g.token_hash, g.person.id, owner.shop_id)
    return see_other(url_for("ledger.home"))


def _shop_choices() -> dict[str, Any]:
    country = region_of(g.person.phone)
    currency, time_zone = country_defaults(country)
    return {
        "categories": CATEGORIES,
        "currencies": forms.currency_choices(locale.lang(), currency),
        "time_zones": [time_zone, *sorted(TIME_ZONES - {time_zone})],
    }


@blueprint.get("/shops")
@signed_in
def shops() -> Response:
    """All shops of the person."""
    rows = queries.shops_of(g.person.id)
    current = g.shop.id if g.shop else None
    listed = [{"id": row.id, "name": row.name, "is_current": row.id == current} for row in rows]
    return make_response(render_template("accounts/shops.html", shops=listed))


@blueprint.post("/shops/<uuid:shop_id>/current")
@signed_in
def enter_shop(shop_id: UUID) -> Response:
    """Switch to another shop of the person."""
    if not sessions.enter_shop(g.token_hash, g.person.id, shop_id):
        raise NotFound
    return see_other(url_for("ledger.home"))


@blueprint.get("/shops/settings")
@allow("settings")
def shop_settings() -> Response:
    """What the shop is called, sells, and is paid by."""
    form = Form(_as_it_stands())
    return make_response(render_template("accounts/shop_settings.html", form=form, **_settings_choices()))


def _shop() -> Shop:
    """All of the shop of the request, of which the guard loads the little that every page needs."""
    shop = queries.shop_by_id(g.shop.id)
    if shop is None:
        raise NotFound
    return shop


def _as_it_stands() -> dict[str, str]:
    shop = _shop()
    known = {code for code, _label in CATEGORIES}
    category = (
        {"category": shop.category}
        if shop.category in known
        else {"category": "other", "category_other": shop.category}
    )
    ways = {name: str(getattr(shop, name) or "") for name in actions.WaysToPay._fields}
    return {"name": shop.name, **category, **ways}


def _settings_choices() -> dict[str, Any]:
    currency = forms.currency_name(g.shop.currency, locale.lang())
    shop = _shop()
    return {
        "categories": CATEGORIES,
        "currency": currency,
        "is_owner": g.role == "owner",
        "schemes": schemes_for(shop.country, shop.currency),
    }


@blueprint.post("/shops/settings")
@allow("settings")
@takes(MAX_REQUEST_BYTES)
def edit_shop() -> Response:
    """Change the shop; what the form does not say stays as it is."""
    form = Form({**_as_it_stands(), **request.form.to_dict()})
    details = actions.ShopDetails(
        form.name(), forms.read_category(form), forms.read_ways_to_pay(form), read_photo(form)
    )
    if not form.is_valid:
        return refused("accounts/shop_settings.html", form, **_settings_choices())
    actions.edit_shop(g.actor, details)
    return see_other(url_for("accounts.menu"))
