"""What providers of messages tell by themselves, signed: how far a message came, and what was written back."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, request

from khata.core.db import across_shops, in_shop, transaction
from khata.errors import NotFound
from khata.messages import actions, consent
from khata.messages.channels import BadSignature, whatsapp_cloud
from khata.messages.models import AUTOMATIC
from khata.reminders import queries
from khata.reminders.views.blueprint import blueprint
from khata.web.auth import by_signature, public
from khata.web.logs import security_event

CHANNEL = "<any(sms, whatsapp):channel>"
STOP_WORDS = frozenset({"stop", "unsubscribe", "end", "cancel", "quit", "बंद", "रोकें", "बंद करें"})


def _reporting(channel: str) -> Any:
    """The channel that is set up, where its provider reports; raises NotFound."""
    found = current_app.extensions["khata_channels"].get(channel)
    if not hasattr(found, "statuses"):
        raise NotFound
    return found


def _told_url() -> str:
    """The address as the provider knows it: some sign it, too."""
    public_url = current_app.config["KHATA"].public_url
    return public_url + request.full_path.rstrip("?") if public_url else request.url


@blueprint.post(f"/webhooks/messages/{CHANNEL}")
@by_signature
@public
def take_report(channel: str) -> Response:
    """Keep what is reported; a STOP ends what goes to that number, in every shop."""
    provider, raw_body = _reporting(channel), request.get_data()
    try:
        updates = provider.statuses(dict(request.headers), raw_body, _told_url())
        replies = provider.replies(dict(request.headers), raw_body, _told_url())
    except BadSignature:
        security_event("webhook.refused", reason="signature")
        raise
    with across_shops(), transaction():
        for update in updates:
            actions.take_status(update)
    for reply in replies:
        if " ".join(reply.text.lower().split()).strip(".!।") in STOP_WORDS:
            _stop(reply.sender)
    return Response("", 200, mimetype="text/plain")


def _stop(phone: str) -> None:
    with across_shops():
        found = queries.parties_with(phone)
    for shop_id, party_id in found:
        with in_shop(shop_id), transaction():
            consent.stop(shop_id, party_id, set(AUTOMATIC), consent.BY_REPLY)


@blueprint.get("/webhooks/messages/whatsapp")
@public
def answer_challenge() -> Response:
    """Meta asks once whether this address is ours."""
    found = _reporting("whatsapp")
    return Response(whatsapp_cloud.challenge(request.args, found.verify), 200, mimetype="text/plain")
