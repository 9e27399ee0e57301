"""A debt in parts: how it stands, split it, change it, end it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, g, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from khata.core.days import day_after
from khata.core.forms import Form
from khata.core.money import exponent
from khata.errors import Conflict, Invalid
from khata.parties import queries as parties
from khata.reminders import due_forms as forms
from khata.reminders import due_queries as queries
from khata.reminders import instalments
from khata.reminders.due_models import Plan
from khata.reminders.splitting import Part, TooManyParts, parts_of
from khata.reminders.views.blueprint import blueprint
from khata.web.auth import allow, require
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.pages import refused, see_other

RATES = {
    "day": _("Interest: %(percent)s %% a day on what is open."),
    "week": _("Interest: %(percent)s %% a week on what is open."),
    "month": _("Interest: %(percent)s %% a month on what is open."),
    "year": _("Interest: %(percent)s %% a year on what is open."),
}


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {"rate_words": rate_words}


def rate_words(plan: Plan) -> str:
    """The plan's interest in words: "Interest: 1.5 % a month"."""
    percent = format(Decimal(plan.rate_millionths or 0).scaleb(-4).normalize(), "f")
    said = str(RATES[str(plan.rate_unit)] % {"percent": percent})
    return f"{said} {gettext('It counts on interest, too.')}" if plan.compounds else said


@blueprint.get("/parties/<uuid:party_id>/instalments")
@allow("see_balances")
@kept
def plan(party_id: UUID) -> Response:
    """The parts, what is paid of each, and what is due next."""
    party = parties.get_party(g.shop.id, party_id)
    stands = instalments.standing(g.shop.id, party)
    return make_response(render_template("reminders/instalments.html", party=party, stands=stands))


@blueprint.get("/parties/<uuid:party_id>/instalments/new")
@allow("remind")
def new_plan(party_id: UUID) -> Response:
    """The form; with its fields in the address it also shows the parts, and nothing is written yet."""
    party, form = parties.get_party(g.shop.id, party_id), Form(request.args)
    shown = _shown(party)
    if "parts" in request.args:
        shown["preview"] = _preview(form, party)
    status = 200 if form.is_valid else 422
    return make_response(render_template("reminders/new_instalments.html", form=form, **shown), status)


def _shown(party: Any) -> dict[str, Any]:
    old = queries.open_plan(g.shop.id, party.id) if party.has_plan else None
    return {"party": party, "old": old, "next_month": day_after(shop_today(), "month", 1), "preview": []}


def _preview(form: Form, party: Any) -> list[Part]:
    terms = forms.read_terms(form, g.shop.currency, shop_today())
    if not form.is_valid or party.balance_minor <= 0:
        return []
    total = party.balance_minor + (terms.flat_minor or 0)
    try:
        return parts_of(total, terms.parts, terms.every, terms.first_on, 10 ** exponent(g.shop.currency))
    except TooManyParts as error:
        form.errors["parts"] = error.message
        return []


@blueprint.post("/parties/<uuid:party_id>/instalments")
@allow("remind")
def make_plan(party_id: UUID) -> Response:
    """Split the debt, in place of the plan there was."""
    require("record")
    party, form = parties.get_party(g.shop.id, party_id), Form(request.form)
    plan_id, terms = form.id(), forms.read_terms(form, g.shop.currency, shop_today())
    expected, replaces, status = forms.read_minor(form, "expected_minor"), forms.read_id(form, "replaces"), 422
    if form.is_valid:
        try:
            instalments.make_plan(g.actor, party_id, plan_id, terms, expected, replaces)
            return see_other(url_for("reminders.plan", party_id=party_id))
        except (Conflict, Invalid) as error:
            form.errors["parts"], status = error.message, error.status
            if status == 409:
                form.values.update(id="", expected_minor="", replaces="")  # sent again, it is another plan
    return refused("reminders/new_instalments.html", form, status, **_shown(party))


@blueprint.post("/parties/<uuid:party_id>/instalments/end")
@allow("remind")
def end_plan(party_id: UUID) -> Response:
    """End the plan that the form names."""
    party, form = parties.get_party(g.shop.id, party_id), Form(request.form)
    plan_id = forms.read_id(form, "plan")
    if plan_id is not None:
        instalments.end_plan(g.actor, party.id, plan_id)
    return see_other(url_for("ledger.party", party_id=party_id))
