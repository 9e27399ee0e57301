"""Sending messages: ids in, one action called."""

from __future__ import annotations

from uuid import UUID

import structlog
from flask import current_app

from khata.core import clock
from khata.core.db import in_shop, transaction
from khata.messages import actions, queries
from khata.messages.channels import Channel, ChannelError
from tasks import huey, in_app

log = structlog.get_logger()
SWEEP_AT_MOST = 200


@huey.task()
@in_app
def send_message(shop_id: UUID, message_id: UUID) -> None:
    """Send one queued message."""
    deliver(shop_id, message_id)


def deliver(shop_id: UUID, message_id: UUID) -> None:
    """Claim, send, write down how it ended. No database session is held while the channel works."""
    with in_shop(shop_id):
        _deliver(shop_id, message_id)


def _deliver(shop_id: UUID, message_id: UUID) -> None:
    with transaction():
        outgoing = actions.claim(shop_id, message_id)
    if outgoing is None:
        return
    channel: Channel = current_app.extensions["khata_channels"][outgoing.channel]
    try:
        channel.send(outgoing)
    except ChannelError as error:
        log.warning("message_not_sent", message=outgoing.id, permanent=error.is_permanent)
        with transaction():
            if error.is_permanent:
                actions.finish(shop_id, message_id, "failed", str(error)[:200])
            else:
                actions.try_again(shop_id, message_id, str(error)[:200])
        return
    with transaction():
        actions.finish(shop_id, message_id, "sent")


def sweep() -> int:
    """Send what waits though its bell was missed, and mark what a dead worker left behind. Gives how many it tried."""
    with transaction():
        actions.give_up_on_lost()
    waiting = queries.due(clock.now(), SWEEP_AT_MOST)
    for shop_id, message_id in waiting:
        deliver(shop_id, message_id)
    return len(waiting)
