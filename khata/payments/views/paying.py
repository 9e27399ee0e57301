"""The customer pays: the request is written down, the gateway makes a link, and the browser goes there."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from flask import Response, current_app, make_response, render_template, request

from khata.core.actor import Actor
from khata.core.db import transaction
from khata.core.forms import Form
from khata.core.ids import new_id
from khata.errors import Busy, KhataError, NotFound
from khata.payments import collecting, forms, making
from khata.payments.gateways.contract import Gateway
from khata.payments.views.blueprint import blueprint
from khata.payments.views.pay_page import TOKEN, gateway_for, page, visit
from khata.web import turns
from khata.web.auth import in_steps, public
from khata.web.pages import hand_over


class Wanted(NamedTuple):
    """What is paid now, and through whom."""

    gateway: Gateway
    shop_id: UUID
    party_id: UUID
    asked: collecting.Asked


def base_url() -> str:
    """Where people reach this installation, for links that gateways keep."""
    settings = current_app.config["KHATA"]
    return str(settings.public_url or settings.own_url)


@blueprint.post(f"/pay/{TOKEN}/payments")
@in_steps
@public
def pay(token: str) -> Response:
    """Begin a payment and go on to the gateway’s own page."""
    seen = visit(token)
    gateway = gateway_for(seen)
    if gateway is None:
        raise NotFound
    form = Form(request.form)
    request_id = form.id()
    amount_minor = forms.read_payment(form, seen.party.balance_minor, seen.shop.currency)
    if not form.is_valid:
        return page(token, seen, form, 422)
    asked = collecting.Asked(gateway.name, amount_minor, seen.shop.currency)
    try:
        return _go(_link(Wanted(gateway, seen.shop.id, seen.party.id, asked), request_id), gateway)
    except KhataError as error:
        form.errors["pay"] = error.message
        is_asked_again = error.code in (making.GatewayFailed.code, Busy.code)
        form.values["id"] = str(request_id if is_asked_again else new_id())
        return page(token, visit(token), form, error.status)


def _link(wanted: Wanted, request_id: UUID) -> str:
    """Where the payer goes. While the gateway is asked, neither a database session nor a turn is held."""
    with transaction():
        place = collecting.ask(Actor(wanted.shop_id, None), wanted.party_id, request_id, wanted.asked)
    if place.url:
        return place.url
    secret = str(current_app.secret_key)
    with turns.waiting_for_others():
        return making.make_link(wanted.gateway, wanted.shop_id, place.request_id, secret, base_url())


def _go(url: str, gateway: Gateway) -> Response:
    """On to the gateway; by a link to tap where its address is none that the page said its forms may lead to."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise making.GatewayFailed
    if origin in gateway.origins:
        return hand_over(url, (f"{origin}/",))
    return make_response(render_template("payments/go_on.html", url=url))
