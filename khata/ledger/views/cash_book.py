"""The cash book's page."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from flask import Response, g, make_response, render_template, request

from khata.core.forms import Form, parse_day
from khata.errors import Conflict, Forbidden
from khata.ledger import cash, forms
from khata.ledger.views.blueprint import blueprint
from khata.web.auth import allow, any_member, may
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.pages import refused, see_other


@blueprint.get("/cash")
@any_member
@kept
def cash_book() -> Response:
    """A day of the cash book: to who keeps it, and to who sees statements and the shop's totals."""
    if not (may("keep_cash_book") or (may("see_reports") and may("see_totals"))):
        raise Forbidden
    form = Form(request.args)
    on = form.optional("on", parse_day) or shop_today()
    return _cash_page(on, Form(), 200 if form.is_valid else 422)


def _cash_page(on: date, form: Form, status: int = 200) -> Response:
    page, today = cash.day(g.shop.id, on), shop_today()
    context = {
        "on": on,
        "form": form,
        "previous_on": on - timedelta(days=1) if on > date.min else on,
        "next_on": on + timedelta(days=1) if on < today else None,
        "categories": cash.CATEGORIES,
        "closing_minor": page.closing_minor,
        **page._asdict(),
    }
    if status >= 400:
        return refused("ledger/cash.html", status=status, **context)
    return make_response(render_template("ledger/cash.html", **context))


@blueprint.post("/cash")
@allow("keep_cash_book")
def record_cash() -> Response:
    """Write cash in or out."""
    form = Form(request.form)
    cash_id, content = form.id(), forms.read_cash(form, g.shop.currency, shop_today())
    if not form.is_valid:
        return _cash_page(content.on, form, 422)
    try:
        cash.record_cash(g.actor, cash_id, content)
    except Conflict as error:
        form.errors["amount"], form.values["id"] = error.message, ""  # saved again, it is another line
        return _cash_page(content.on, form, error.status)
    return _to_day(content.on)


@blueprint.post("/cash/<uuid:cash_id>/deletion")
@allow("keep_cash_book")
def delete_cash(cash_id: UUID) -> Response:
    """Strike a line of the cash book through."""
    return _to_day(cash.delete_cash(g.actor, cash_id))


@blueprint.post("/cash/<uuid:cash_id>/restoration")
@allow("keep_cash_book")
def restore_cash(cash_id: UUID) -> Response:
    """Take the deletion back."""
    return _to_day(cash.restore_cash(g.actor, cash_id))


def _to_day(on: date) -> Response:
    return see_other(forms.with_query("/cash", on=on.isoformat()))
