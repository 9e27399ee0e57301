"""Remind one party from the phone in the hand: the text, ready to be changed, and the ways to send it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import UUID

from flask import Response, current_app, g, make_response, render_template, request

from khata.core.forms import Form
from khata.core.names import clean_note
from khata.messages import consent
from khata.messages.texts import LONGEST
from khata.parties import queries as parties
from khata.payments import links
from khata.payments.views.shop import url_of
from khata.reminders import actions, queries, wording
from khata.reminders.views.blueprint import blueprint
from khata.reminders.views.channels import labelled
from khata.web import locale
from khata.web.auth import allow
from khata.web.pages import hand_over, refused
from khata.web.security import let_forms_lead_to

# Where a form of this page ends: WhatsApp's address leads on to the app, or to its own page where there is none.
OUTSIDE = ("https://wa.me", "https://api.whatsapp.com", "https://web.whatsapp.com", "sms:")


@blueprint.app_context_processor
def _on_the_party_page() -> dict[str, Any]:
    return {"last_reminder": lambda party_id: queries.last_reminder(g.shop.id, party_id)}


@blueprint.get("/parties/<uuid:party_id>/reminder")
@allow("remind")
def compose(party_id: UUID) -> Response:
    """The reminder as it would go out."""
    party = parties.get_party(g.shop.id, party_id)
    return let_forms_lead_to(
        make_response(render_template("reminders/one.html", form=Form(), **_shown(party))), OUTSIDE
    )


def _shown(party: Any) -> dict[str, Any]:
    lang = party.lang or locale.lang()
    token = links.token_for(str(current_app.secret_key), g.shop.id, party.id)
    link = url_of(token) if token else wording.LINK_TO_COME
    return {
        "party": party,
        "text": wording.reminder(party, g.shop, lang, link) if party.balance_minor > 0 else "",
        "text_lang": lang,
        "channels": labelled(),
        "agreed": consent.given(g.shop.id, party.id),
        "stopped": consent.refused(g.shop.id, party.id),
        "last": queries.last_reminder(g.shop.id, party.id),
    }


@blueprint.post("/parties/<uuid:party_id>/reminder")
@allow("remind")
def remind(party_id: UUID) -> Response:
    """Write it down and go on to WhatsApp or to the messages of the phone, where the person sends it."""
    party = parties.get_party(g.shop.id, party_id)
    form = Form(request.form)
    message_id, channel = form.id(), form.choice("channel", actions.BY_HAND)
    body = form.read("body", lambda text: clean_note(text, LONGEST)) or ""
    if not form.is_valid:
        return let_forms_lead_to(refused("reminders/one.html", form, **_shown(party)), OUTSIDE)
    lang = party.lang or locale.lang()
    token = links.ensure_link(g.actor, str(current_app.secret_key), party_id, lang)
    if not body:
        body = wording.reminder(party, g.shop, lang, wording.LINK_TO_COME)
    body = body.replace(wording.LINK_TO_COME, url_of(token))
    sent = actions.ByHand(channel, party.phone or "", body, lang)
    actions.remind_by_hand(g.actor, message_id, party_id, sent, locale.shop_today())
    return hand_over(_address(sent), OUTSIDE)


def _address(sent: actions.ByHand) -> str:
    """What opens the app of the phone, with number and text in place."""
    text = quote(sent.body, safe="")
    if sent.channel == actions.WHATSAPP:
        return f"https://wa.me/{sent.recipient.removeprefix('+')}?text={text}"
    return f"sms:{sent.recipient}?body={text}"
