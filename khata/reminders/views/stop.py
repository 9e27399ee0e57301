"""A customer wants no more messages."""

from __future__ import annotations

from flask import Response, url_for

from khata.messages import consent
from khata.messages.models import AUTOMATIC
from khata.payments.views.pay_page import TOKEN, visit
from khata.reminders.views.blueprint import blueprint
from khata.web.auth import public
from khata.web.pages import see_other


@blueprint.post(f"/pay/{TOKEN}/stop")
@public
def stop(token: str) -> Response:
    """From now on nothing goes to them by itself, whatever the shop says they agreed to."""
    seen = visit(token)
    consent.stop(seen.shop.id, seen.party.id, set(AUTOMATIC), consent.BY_PAGE)
    return see_other(url_for("payments.pay_page", token=token, said="stop"))
