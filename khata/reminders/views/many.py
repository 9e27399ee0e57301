"""Remind many at once, later, and see what became of it."""

from __future__ import annotations

from uuid import UUID

from flask import Response, g, make_response, render_template, request, url_for
from flask_babel import gettext

from khata.accounts.queries import device_labels, member_names
from khata.core.db import after_commit
from khata.core.forms import Form
from khata.messages import sms
from khata.parties import queries as parties
from khata.reminders import automatic, forms, queries, wording
from khata.reminders.views.blueprint import blueprint
from khata.reminders.views.channels import labelled, offered
from khata.web import locale
from khata.web.auth import allow
from khata.web.pages import refused, see_other
from tasks.messages import send_waiting


@blueprint.get("/reminders")
@allow("remind")
def many() -> Response:
    """Who owes, whom we can write to, and the last messages."""
    return _page(Form())


def _page(form: Form, status: int = 200) -> Response:
    who = request.args.get("who", form.value("who"))
    who = who if who in queries.WHO else queries.WHO[0]
    today = locale.shop_today()
    listed = queries.owing(g.shop.id, who, today)
    channels = labelled()
    reachable = {name: queries.count_reachable(g.shop.id, who, today, name) for name, _label in channels}
    first = parties.get_party(g.shop.id, listed[0].id) if listed else None
    sample = wording.reminder(first, g.shop, locale.lang(), wording.LINK_TO_COME) if first else ""
    recent = queries.recent(g.shop.id)
    context = {
        "who": who,
        "total": queries.count_owing(g.shop.id, who, today),
        "parties": listed,
        "channels": channels,
        "reachable": reachable,
        "sample": sample,
        "sample_length": sms.parts(sample),
        "recent": recent,
        "names": member_names(g.shop.id, (one.member_id for one in recent)),
        "labels": device_labels(one.device_id for one in recent),
        "queued": request.args.get("queued", ""),
    }
    if status >= 400:
        return refused("reminders/many.html", form, status, **context)
    return make_response(render_template("reminders/many.html", form=form, **context))


@blueprint.post("/reminders")
@allow("remind")
def remind_many() -> Response:
    """Queue a reminder for everyone overdue, everyone who owes, or those who were ticked."""
    form, today = Form(request.form), locale.shop_today()
    batch_id, batch = form.id(), forms.read_batch(form, offered(), today, g.shop.time_zone)
    if not form.is_valid:
        return _page(form, 422)
    if batch.who == forms.CHOSEN:
        found = queries.reachable_of(g.shop.id, _ticked(), batch.channel)
    else:
        found = queries.reachable(g.shop.id, batch.who, today, batch.channel)
    if not found:
        form.errors["who"] = gettext("None of them has a number and agreed to be written to. See their accounts.")
        return _page(form, 422)
    new = automatic.queue(g.actor, batch_id, found, batch.channel, batch.due_at)
    after_commit(send_waiting)
    return see_other(url_for("reminders.many", queued=new))


def _ticked() -> set[UUID]:
    found = set()
    for text in request.form.getlist("party")[:500]:
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return found
