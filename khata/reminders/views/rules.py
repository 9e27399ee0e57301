"""Rules and texts of the shop, and what a party agreed to."""

from __future__ import annotations

from uuid import UUID

from flask import Response, g, make_response, render_template, request, url_for

from khata.core.forms import Form
from khata.errors import NotFound
from khata.messages import consent, sms
from khata.messages.models import AUTOMATIC
from khata.parties import queries as parties
from khata.reminders import forms, queries, texts, wording
from khata.reminders import rules as actions
from khata.reminders.views.blueprint import blueprint
from khata.reminders.views.channels import labelled, offered
from khata.web import locale
from khata.web.auth import allow
from khata.web.pages import refused, see_other


@blueprint.get("/reminders/rules")
@allow("remind")
def rules() -> Response:
    """What goes out by itself: for the whole shop, or for the one party that the address names."""
    return _rules_page(Form(), _party_id(request.args.get("party", "")))


def _party_id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        party_id = UUID(text)
    except ValueError:
        raise NotFound from None
    parties.get_party(g.shop.id, party_id)
    return party_id


def _rules_page(form: Form, party_id: UUID | None, status: int = 200) -> Response:
    context = {
        "party": parties.get_party(g.shop.id, party_id) if party_id else None,
        "rules": queries.rules(g.shop.id, party_id),
        "channels": labelled(),
    }
    if status >= 400:
        return refused("reminders/rules.html", form, status, **context)
    return make_response(render_template("reminders/rules.html", form=form, **context))


@blueprint.post("/reminders/rules")
@allow("remind")
def make_rule() -> Response:
    """From now on this goes out by itself."""
    form = Form(request.form)
    party_id = _party_id(form.value("party"))
    rule_id, rule = form.id(), forms.read_rule(form, offered(), g.shop.currency, party_id)
    if not form.is_valid:
        return _rules_page(form, party_id, 422)
    actions.make_rule(g.actor, rule_id, rule)
    return see_other(url_for("reminders.rules", party=party_id))


@blueprint.post("/reminders/rules/<uuid:rule_id>/end")
@allow("remind")
def end_rule(rule_id: UUID) -> Response:
    """No more of it."""
    return see_other(url_for("reminders.rules", party=actions.end_rule(g.actor, rule_id)))


@blueprint.post("/parties/<uuid:party_id>/consent")
@allow("remind")
def agree(party_id: UUID) -> Response:
    """What the party told the shop: these channels and no others."""
    parties.get_party(g.shop.id, party_id)
    consent.agree(g.actor, party_id, set(request.form.getlist("channel")) & set(AUTOMATIC))
    return see_other(url_for("reminders.compose", party_id=party_id))


@blueprint.get("/reminders/text")
@allow("remind")
def text() -> Response:
    """The shop's own text, and how it looks."""
    form = Form(request.args)
    kind, lang = form.choice("kind", forms.KINDS, forms.KINDS[0]), form.choice("lang", locale.CODES, locale.lang())
    if not form.is_valid:
        raise NotFound
    return _text_page(Form({"body": queries.own_text(g.shop.id, kind, lang) or ""}), kind, lang)


def _text_page(form: Form, kind: str, lang: str, status: int = 200) -> Response:
    shown = wording.sample(kind, g.shop, lang, form.value("body") if form.is_valid else "")
    context = {"kind": kind, "text_lang": lang, "sample": shown, "sample_length": sms.parts(shown)}
    if status >= 400:
        return refused("reminders/text.html", form, status, **context)
    return make_response(render_template("reminders/text.html", form=form, **context))


@blueprint.post("/reminders/text")
@allow("remind")
def keep_text() -> Response:
    """Let messages say this from now on; show it first where that is asked for."""
    form = Form(request.form)
    kind, lang, body = forms.read_text(form, locale.CODES, locale.lang())
    if not form.is_valid:
        known = kind in forms.KINDS and lang in locale.CODES
        return _text_page(form, *((kind, lang) if known else (forms.KINDS[0], locale.lang())), 422)
    if form.flag("preview"):
        return _text_page(form, kind, lang)
    texts.keep_text(g.actor, kind, lang, body)
    return see_other(url_for("reminders.text", kind=kind, lang=lang))
