"""What webhooks missed, and requests whose making was interrupted. No database session waits for a gateway."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import structlog
from flask import current_app

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import in_shop, rollback, transaction
from khata.errors import KhataError
from khata.payments import collecting, gateway_queries, making, taking
from khata.payments.gateways.contract import Gateway, GatewayError
from khata.payments.models import EXPIRED
from khata.settings import Settings

log = structlog.get_logger()
DAYS = timedelta(days=5)  # a night or two without a worker must not matter
INTERRUPTED = timedelta(minutes=2)  # longer than a gateway may take to answer
AT_MOST = 200


def gateways() -> dict[str, Gateway]:
    """The gateways that are set up, by name."""
    found: dict[str, Gateway] = current_app.extensions["khata_gateways"]
    return found


def reconcile() -> None:
    """Take what each gateway says of the last days, by the same way as webhooks; then close what is past its end."""
    for gateway in gateways().values():
        for told in _payments(gateway):
            with transaction():
                taking.take_all(gateway, [told])
    close_ended()


def _payments(gateway: Gateway) -> Iterator[taking.Told]:
    now = clock.now()
    try:
        for payment in gateway.list_payments(now - DAYS, now):
            yield taking.told_of(payment)
    except GatewayError as error:  # tomorrow's days are these, too
        log.warning("payments_not_listed", gateway=gateway.name, code=error.code)


def close_ended() -> None:
    """Requests whose time is up: the gateway says how they ended."""
    for shop_id, request_id, name in _found(gateway_queries.past_their_end(clock.now(), AT_MOST)):
        gateway = gateways().get(name)
        with in_shop(shop_id):
            if gateway is None:
                with transaction():
                    collecting.end(Actor(shop_id, None), request_id, EXPIRED)
                continue
            try:
                making.look(gateway, shop_id, request_id, is_over=True)
            except KhataError as error:
                log.warning("request_not_closed", gateway=name, code=error.code)


def sweep() -> int:
    """Go on with requests whose link was never heard of: asked again under the same reference, it is made once.

    Gives how many it took up. Those of a gateway that is not there any more end by their time.
    """
    waiting = _found(gateway_queries.unfinished(clock.now() - INTERRUPTED, AT_MOST))
    settings: Settings = current_app.config["KHATA"]
    for shop_id, request_id, name in waiting:
        gateway = gateways().get(name)
        if gateway is None:
            continue
        with in_shop(shop_id):
            try:
                secret, url = str(current_app.secret_key), settings.public_url or settings.own_url
                making.make_link(gateway, shop_id, request_id, secret, url)
            except KhataError as error:
                log.warning("request_not_made", gateway=name, code=error.code)
    return len(waiting)


def _found(rows: list[tuple[UUID, UUID, str]]) -> list[tuple[UUID, UUID, str]]:
    """The rows, with the read that found them ended: what comes next may take long."""
    rollback()
    return rows
