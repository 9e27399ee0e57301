"""What the shop has to pay to its suppliers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, g, make_response, render_template, request, url_for

from khata.core.forms import Form, parse_day
from khata.errors import Conflict, Invalid
from khata.parties import queries as parties
from khata.reminders import due_forms as forms
from khata.reminders import due_queries as queries
from khata.reminders import dues
from khata.reminders.views.blueprint import blueprint
from khata.web.auth import allow, require
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.pages import refused, see_other


@blueprint.app_context_processor
def _on_home() -> dict[str, Any]:
    return {"to_pay_now": lambda: queries.to_pay_now(g.shop.id, shop_today())}


@blueprint.get("/to-pay")
@allow("see_balances")
@kept
def to_pay() -> Response:
    """What is to be paid, the longest overdue first."""
    rows, now = queries.coming_payments(g.shop.id), queries.to_pay_now(g.shop.id, shop_today())
    return make_response(render_template("reminders/to_pay.html", form=Form(), rows=rows, now=now))


@blueprint.get("/to-pay/new")
@allow("record")
def new_payment() -> Response:
    """The form of a payment to come."""
    require("see_balances")
    form = Form({"party": request.args.get("party", "")})
    return make_response(render_template("reminders/new_payment.html", form=form, suppliers=_suppliers(form)))


def _suppliers(form: Form) -> list[tuple[str, str]]:
    found = {str(party_id): name for party_id, name in queries.suppliers(g.shop.id)}
    chosen = _chosen(form)
    if chosen is not None and str(chosen.id) not in found:
        found[str(chosen.id)] = chosen.name
    return [("", ""), *found.items()]


def _chosen(form: Form) -> Any:
    try:
        return parties.party_by_id(g.shop.id, UUID(form.value("party")))
    except ValueError:
        return None


@blueprint.post("/to-pay")
@allow("record")
def schedule() -> Response:
    """Write down what has to be paid."""
    require("see_balances")
    form, status = Form(request.form), 422
    payment_id, payment = form.id(), forms.read_payment(form, g.shop.currency, shop_today())
    if payment is not None:
        try:
            dues.schedule(g.actor, payment_id, payment)
            return see_other(url_for("reminders.to_pay"))
        except (Conflict, Invalid) as error:
            form.errors["party"], form.values["id"], status = error.message, "", error.status
    return refused("reminders/new_payment.html", form, status, suppliers=_suppliers(form))


@blueprint.post("/to-pay/<uuid:payment_id>/paid")
@allow("record")
def paid(payment_id: UUID) -> Response:
    """It was paid: one entry in the supplier's account."""
    require("see_balances")
    queries.get_payment(g.shop.id, payment_id)
    form = Form(request.form)
    on = form.read("on", parse_day)
    form.require_valid()
    party_id = dues.pay(g.actor, payment_id, on, shop_today(), in_cash=form.flag("in_cash"))
    return see_other(url_for("ledger.party", party_id=party_id))


@blueprint.post("/to-pay/<uuid:payment_id>/skip")
@allow("record")
def skip(payment_id: UUID) -> Response:
    """Leave this one out."""
    require("see_balances")
    queries.get_payment(g.shop.id, payment_id)
    form = Form(request.form)
    on = form.read("on", parse_day)
    form.require_valid()
    dues.skip(g.actor, payment_id, on)
    return see_other(url_for("reminders.to_pay"))


@blueprint.post("/to-pay/<uuid:payment_id>/end")
@allow("record")
def end(payment_id: UUID) -> Response:
    """Nothing of it is to be paid any more."""
    require("see_balances")
    dues.end(g.actor, payment_id)
    return see_other(url_for("reminders.to_pay"))
