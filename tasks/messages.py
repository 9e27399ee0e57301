"""Sending messages: ids in, one action called."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from flask import current_app

from khata.core import clock
from khata.core.db import in_shop, transaction
from khata.messages import actions, preparing, queries
from khata.messages.channels import Channel, ChannelError, OutcomeUnknown, Outgoing
from khata.settings import Settings
from tasks import huey, in_app

log = structlog.get_logger()
SWEEP_AT_MOST = 200


@huey.task()
@in_app
def send_message(shop_id: UUID, message_id: UUID) -> None:
    """Send one queued message."""
    deliver(shop_id, message_id)


@huey.task()
@in_app
def send_waiting() -> None:
    """Send all that waits, after many were queued at once: one bell for all of them."""
    drain()


def drain() -> int:
    """Send all that is due now; what must wait anew is left for later. Gives how many were tried."""
    tried = done = sweep()
    while done == SWEEP_AT_MOST:
        done = sweep()
        tried += done
    return tried


def deliver(shop_id: UUID, message_id: UUID) -> None:
    """Claim, send, write down how it ended. No database session is held while the channel works."""
    with in_shop(shop_id):
        _deliver(shop_id, message_id)


def _deliver(shop_id: UUID, message_id: UUID) -> None:
    with transaction():
        row = actions.claim(shop_id, message_id)
        outgoing = None if row is None else _prepared(row)
    if outgoing is None:
        return
    channel: Channel | None = current_app.extensions["khata_channels"].get(outgoing.channel)
    if channel is None:
        _failed(shop_id, message_id, ChannelError("this channel is not set up", is_permanent=True))
        return
    try:
        sent = channel.send(outgoing)
    except ChannelError as error:
        _failed(shop_id, message_id, error)
    except OutcomeUnknown as error:
        _unknown(shop_id, message_id, error, channel.takes_idempotency_key)
    else:
        with transaction():
            actions.finish(shop_id, message_id, "sent", provider_id=sent.provider_id)


def _prepared(row: Any) -> Outgoing | None:
    """What goes out of a claimed row; None where it is not to go, or not yet."""
    settings: Settings = current_app.config["KHATA"]
    outcome = preparing.prepare(row, str(current_app.secret_key), settings.public_url or settings.own_url)
    if isinstance(outcome, actions.Skip):
        actions.skip(row.shop_id, row.id, outcome.reason)
        return None
    if isinstance(outcome, actions.Later):
        actions.put_off(row.shop_id, row.id, outcome.at)
        return None
    return outcome


def _failed(shop_id: UUID, message_id: UUID, error: ChannelError) -> None:
    log.warning("message_not_sent", message=str(message_id), permanent=error.is_permanent)
    with transaction():
        if error.is_permanent:
            actions.finish(shop_id, message_id, "failed", str(error)[:200])
        else:
            actions.try_again(shop_id, message_id, str(error)[:200], timedelta(seconds=error.retry_after or 0))


def _unknown(shop_id: UUID, message_id: UUID, error: OutcomeUnknown, may_repeat: bool) -> None:
    """It may have gone out: sent anew only where the provider knows it again by its id."""
    log.warning("message_outcome_unknown", message=str(message_id), repeated=may_repeat)
    with transaction():
        if may_repeat:
            actions.try_again(shop_id, message_id, str(error)[:200])
        else:
            actions.finish(shop_id, message_id, "unknown", str(error)[:200])


def sweep() -> int:
    """Send what waits though its bell was missed, and mark what a dead worker left behind. Gives how many it tried."""
    with transaction():
        actions.give_up_on_lost()
    waiting = queries.due(clock.now(), SWEEP_AT_MOST)
    for shop_id, message_id in waiting:
        deliver(shop_id, message_id)
    return len(waiting)
