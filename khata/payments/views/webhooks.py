"""What gateways tell by themselves, signed; nobody signed in, no browser, no form."""

from __future__ import annotations

import structlog
from flask import Response, current_app, request
from flask_babel import lazy_gettext as _

from khata.core.db import across_shops, transaction
from khata.errors import KhataError, NotFound
from khata.payments import taking
from khata.payments.gateways.contract import BadSignature, Gateway, Unreadable
from khata.payments.views.blueprint import blueprint
from khata.web.auth import by_signature, public
from khata.web.logs import security_event

GATEWAY = "<any(razorpay, stripe, test):gateway>"

log = structlog.get_logger()


class NotSigned(KhataError):
    """It was not sent by who it says."""

    code = "not_signed"
    status = 403
    message = _("This was not signed as it should be.")


class NotRead(KhataError):
    """It is signed, and yet not what the gateway’s documents promise: it will come again."""

    code = "not_read"
    status = 400


def gateways() -> dict[str, Gateway]:
    """The gateways that are set up, by name."""
    found: dict[str, Gateway] = current_app.extensions["khata_gateways"]
    return found


@blueprint.post(f"/webhooks/{GATEWAY}")
@by_signature
@public
def webhook(gateway: str) -> Response:
    """Check who says it, take what is said, and answer with nothing: what is not ours is fine, too."""
    built = gateways().get(gateway)
    if built is None:
        raise NotFound
    receive(built, dict(request.headers), request.get_data())
    return Response("", 200, mimetype="text/plain")


def receive(gateway: Gateway, headers: dict[str, str], raw_body: bytes) -> None:
    """Take a webhook into the book; raises NotSigned, NotRead. The signature comes before any look at the database."""
    try:
        events = gateway.read_webhook(headers, raw_body)
    except BadSignature:
        security_event("webhook.refused", reason="signature")
        raise NotSigned from None
    except Unreadable:
        log.error("webhook_not_read", gateway=gateway.name)
        raise NotRead from None
    told = [taking.told_by(event) for event in events]
    if told:
        with across_shops(), transaction():
            taking.take_all(gateway, told)
