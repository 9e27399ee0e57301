"""The test gateway’s own page: says what "happened". No money moves, and there is none where it is not set up."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Response, g, make_response, render_template, request
from flask_babel import lazy_gettext as _

from khata.accounts import queries as accounts
from khata.core.db import confine
from khata.core.forms import Form
from khata.core.money import parse_amount
from khata.errors import NotFound
from khata.payments import gateway_queries as queries
from khata.payments.gateways.contract import BadSignature
from khata.payments.gateways.trial_links import Outcome, TrialGateway, TrialLink
from khata.payments.models import FAILED, PAID
from khata.payments.views.blueprint import blueprint
from khata.payments.views.webhooks import gateways, receive
from khata.web.auth import CurrentShop, in_steps, public
from khata.web.pages import refused, see_other

SIGNED = "<string(minlength=40, maxlength=4000):signed>"
OUTCOMES: tuple[Outcome, ...] = ("paid", "partly", "failed", "refunded")


class Trial(NamedTuple):
    """A link of the test gateway, and what our own tables say of it: it remembers nothing itself."""

    gateway: TrialGateway
    link: TrialLink
    request: Any
    payments: list[Any]

    @property
    def left_minor(self) -> int:
        """What is not paid yet."""
        paid: int = sum(one.amount_minor for one in self.payments if one.state != FAILED)
        return max(0, self.link.amount_minor - paid)

    @property
    def is_over(self) -> bool:
        """True where nothing can be paid any more."""
        return self.link.is_over or self.request.ended_at is not None or not self.left_minor


def _trial(signed: str) -> Trial:
    gateway = gateways().get("test")
    if not isinstance(gateway, TrialGateway):
        raise NotFound
    try:
        link = gateway.read_token(signed)
    except BadSignature:
        raise NotFound from None
    place = queries.place_of(gateway.name, link.reference, link.id)
    if place is None:
        raise NotFound
    confine(place.shop_id)
    g.person = g.session = g.actor = None
    g.permissions = frozenset()
    shop = accounts.shop_by_id(place.shop_id)
    if shop is None:
        raise NotFound
    g.shop = CurrentShop(shop.id, shop.name, shop.category, link.currency, shop.time_zone, shop.country, shop.erase_at)
    row = queries.get_request(place.shop_id, place.id)
    return Trial(gateway, link, row, queries.payments_of(place.shop_id, place.id))


@blueprint.get(f"/pay/test/{SIGNED}")
@public
def trial(signed: str) -> Response:
    """What shall have happened?"""
    return make_response(render_template("payments/trial.html", signed=signed, form=Form(), trial=_trial(signed)))


@blueprint.post(f"/pay/test/{SIGNED}")
@in_steps
@public
def say_trial(signed: str) -> Response:
    """It has happened: the webhook is made, and taken like one from outside."""
    found = _trial(signed)
    form = Form(request.form)
    outcome = form.choice("outcome", OUTCOMES)
    amount_minor, number = found.left_minor, len(found.payments) + 1
    if outcome == "partly":
        amount_minor = form.read("amount", lambda text: parse_amount(text, found.link.currency)) or 0
    if outcome == "refunded":
        amount_minor, number = _last_paid(found)
    elif found.is_over:
        form.errors["outcome"] = _("This payment is over. Look at the page again.")
    if form.is_valid and not amount_minor:
        form.errors["outcome"] = _("Nothing was paid yet.")
    if not form.is_valid:
        return refused("payments/trial.html", form, signed=signed, trial=found)
    headers, raw_body = found.gateway.webhook(found.link, outcome, amount_minor, number)  # type: ignore[arg-type]
    receive(found.gateway, headers, raw_body)
    back = urlsplit(found.link.return_url)
    return see_other(f"{back.path or '/'}?{back.query}")


def _last_paid(found: Trial) -> tuple[int, int]:
    """(amount, number) of the last payment that can go back; (0, 0) where there is none."""
    numbers = {found.gateway.payment_id(found.link, number): number for number in range(1, len(found.payments) + 1)}
    paid = [one for one in found.payments if one.state == PAID and one.payment_id in numbers]
    last = max(paid, key=lambda one: numbers[one.payment_id], default=None)
    return (last.amount_minor, numbers[last.payment_id]) if last else (0, 0)
