"""The list of collections, and what the shop does with one: take a request back, give money back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, g, make_response, render_template, request, url_for

from khata.accounts.queries import member_names, members_of
from khata.core import clock
from khata.core.forms import Form, parse_day
from khata.core.money import format_amount
from khata.errors import NotFound
from khata.payments import collected, gateway_queries, making
from khata.payments.taking import TITLES
from khata.payments.views.blueprint import blueprint
from khata.payments.views.webhooks import gateways
from khata.web import turns
from khata.web.auth import allow, in_steps, require
from khata.web.locale import lang
from khata.web.pages import refused, see_other


@blueprint.get("/collections")
@allow("see_balances")
def collections() -> Response:
    """What was asked, paid, said, failed and given back, newest first."""
    form = Form(request.args)
    members = members_of(g.shop.id)
    member = next((one for one, _name in members if str(one) == form.value("member")), None)
    if form.value("member") and member is None:
        raise NotFound  # another shop's or nobody's: all lines would look like the answer
    kind = form.value("kind") if form.value("kind") in collected.KINDS else None
    sought = collected.Sought(kind, member, form.optional("day", parse_day), _before(form))
    page = collected.page(g.shop.id, g.shop.time_zone, sought)
    asked = {name: form.value(name) for name in ("kind", "member", "day") if form.value(name)}
    context: dict[str, Any] = {
        "days": page.days,
        "older_url": _older(asked, page.older),
        "members": members,
        "names": member_names(g.shop.id, (row.member_id for day in page.days for row in day.rows)),
        "titles": TITLES,
        "amount_in": _amount_in,
        "is_filtered": bool(asked),
    }
    if not form.is_valid:
        return refused("payments/collections.html", form, **context)
    return make_response(render_template("payments/collections.html", form=form, **context))


def _amount_in(minor: int, currency: str | None) -> str:
    """An amount in the currency that it came in."""
    return format_amount(minor, currency or g.shop.currency, lang())


def _before(form: Form) -> tuple[datetime, UUID] | None:
    """Where the page goes on: "<milliseconds>-<id>"; None for anything else."""
    at, _dash, id_ = form.value("before").partition("-")
    if not (at.isascii() and at.isdigit() and len(at) < 15):
        return None
    try:
        return clock.EPOCH + timedelta(milliseconds=int(at)), UUID(id_)
    except (ValueError, OverflowError):
        return None


def _older(asked: dict[str, str], older: tuple[datetime, UUID] | None) -> str | None:
    if older is None:
        return None
    return "/collections?" + urlencode({**asked, "before": f"{clock.milliseconds(older[0])}-{older[1].hex}"})


@blueprint.post("/collections/requests/<uuid:request_id>/cancellation")
@in_steps
@allow("record")
def cancel_request(request_id: UUID) -> Response:
    """Take a request back: its link leads nowhere any more."""
    require("see_balances")
    gateway = gateways().get(gateway_queries.get_request(g.shop.id, request_id).gateway)
    with turns.waiting_for_others():
        making.cancel(gateway, g.actor, request_id)
    return see_other(url_for("payments.collections"))


@blueprint.post("/collections/<uuid:received_id>/refund")
@in_steps
@allow("record")
def refund(received_id: UUID) -> Response:
    """Give back through the gateway all that is left of a payment; the entry says so."""
    require("see_balances")
    gateway = gateways().get(gateway_queries.get_payment(g.shop.id, received_id).gateway)
    with turns.waiting_for_others():
        making.give_back(gateway, g.actor, received_id)
    return see_other(url_for("payments.collections"))
