"""Reads of the outbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import db
from khata.messages.models import STATES, Message

SENDING_AT_MOST = timedelta(minutes=5)


def due(now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """(shop_id, id) of messages that may go out at `now`, oldest first."""
    query = sa.select(Message.shop_id, Message.id).where(Message.state == "queued", Message.due_at <= now)
    return [(row.shop_id, row.id) for row in db.session.execute(query.order_by(Message.due_at).limit(limit))]


def count_by_state() -> dict[str, int]:
    """How many messages of the whole installation are in each state that there is one in, in the order of STATES."""
    rows = db.session.execute(sa.select(Message.state, sa.func.count()).group_by(Message.state))
    counted = {state: count for state, count in rows}  # noqa: C416  a row is no pair to `dict`'s type
    return {state: counted[state] for state in STATES if state in counted}
