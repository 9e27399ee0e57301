"""Reads of the outbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import db
from khata.messages.models import Message

SENDING_AT_MOST = timedelta(minutes=5)


def due(now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """(shop_id, id) of messages that may go out at `now`, oldest first."""
    query = sa.select(Message.shop_id, Message.id).where(Message.state == "queued", Message.due_at <= now)
    return [(row.shop_id, row.id) for row in db.session.execute(query.order_by(Message.due_at).limit(limit))]
