"""The day book's page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, g, request

from khata.accounts.queries import devices_in, members_of
from khata.core.forms import Form, parse_day
from khata.core.money import format_amount
from khata.daybook import queries
from khata.daybook.queries import KINDS, LAST
from khata.errors import NotFound
from khata.journal.queries import Sought
from khata.web.auth import allow
from khata.web.locale import lang
from khata.web.pages import page_or_fragment, refused

blueprint = Blueprint("daybook", __name__)


@blueprint.get("/daybook")
@allow("see_day_book")
def day_book() -> Response:
    """What was done in the shop, newest first."""
    form = Form(request.args)
    on = form.optional("day", parse_day)
    members, devices = members_of(g.shop.id), devices_in(g.shop.id)
    sought = Sought(_id(form, "member", members), _id(form, "device", devices), _kind(form))
    for name, wanted in zip(("member", "device", "kind"), sought, strict=True):
        if form.value(name) and wanted is None:
            raise NotFound  # another shop's or nobody's: all lines would look like the answer
    page = queries.page(g.shop.id, g.shop.time_zone, sought, on, _before(form), _amount)
    asked = {name: form.value(name) for name in ("member", "device", "kind", "day") if form.value(name)}
    context: dict[str, Any] = {
        "lines": page.lines,
        "older_url": _older(asked, page.older),
        "members": members,
        "devices": devices,
        "is_filtered": bool(asked),
    }
    if not form.is_valid:
        return refused("daybook/page.html", form, **context)
    return page_or_fragment("daybook/page.html", "daybook/_lines.html", form=form, **context)


def _amount(minor: int) -> str:
    return format_amount(minor, g.shop.currency, lang())


def _id(form: Form, name: str, among: list[tuple[UUID, str]]) -> UUID | None:
    return next((one for one, _label in among if str(one) == form.value(name)), None)


def _kind(form: Form) -> str | None:
    return f"{form.value('kind')}." if form.value("kind") in KINDS else None


def _before(form: Form) -> int:
    text = form.value("before")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else LAST


def _older(asked: dict[str, str], older: int | None) -> str | None:
    return None if older is None else "/daybook?" + urlencode({**asked, "before": older})
