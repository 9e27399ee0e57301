"""Reads of reminders; the first argument is the shop."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import db
from khata.messages.models import Message

MESSAGES = Message.__table__
REMINDER = "reminder"


def last_reminder(shop_id: UUID, party_id: UUID) -> Any:
    """The newest reminder to the party that went out; None where there was none."""
    query = sa.select(MESSAGES).where(
        MESSAGES.c.shop_id == shop_id,
        MESSAGES.c.party_id == party_id,
        MESSAGES.c.kind == REMINDER,
        MESSAGES.c.state.not_in(("skipped", "failed")),
    )
    return db.session.execute(query.order_by(MESSAGES.c.created_at.desc()).limit(1)).first()
