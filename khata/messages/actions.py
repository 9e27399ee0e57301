"""Queue, claim and finish messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, inserting_new
from khata.core.ids import new_id
from khata.messages.channels import Outgoing
from khata.messages.models import HOUSE, Message
from khata.messages.queries import SENDING_AT_MOST

RETRY_AFTER = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))


def queue_code(recipient: str, body: str, expires_at: datetime) -> tuple[UUID, UUID]:
    """Queue a sign-in code by SMS; its body is emptied when it is done. Gives (shop_id, id)."""
    return _queue("sign_in_code", recipient, body, expires_at)


def queue_text(recipient: str, body: str) -> tuple[UUID, UUID]:
    """Queue a text of Khata itself by SMS, without a secret in it. Gives (shop_id, id)."""
    return _queue("account_changed", recipient, body, None)


def _queue(kind: str, recipient: str, body: str, expires_at: datetime | None) -> tuple[UUID, UUID]:
    """What expires is a secret."""
    now = clock.now()
    message = Message(
        shop_id=HOUSE,
        id=new_id(),
        kind=kind,
        channel="sms",
        recipient=recipient,
        body=body,
        is_secret=expires_at is not None,
        state="queued",
        attempts=0,
        created_at=now,
        due_at=now,
        expires_at=expires_at,
    )
    db.session.add(message)
    db.session.flush()
    return message.shop_id, message.id


class ToParty(NamedTuple):
    """A message to a party: `kind` such as "reminder", what they were told to owe, and how it went."""

    kind: str
    party_id: UUID
    amount_minor: int | None
    channel: str
    recipient: str
    body: str
    lang: str


def keep_sent_by_hand(actor: Actor, message_id: UUID, sent: ToParty) -> bool:
    """Keep what a member sent from their own phone; False where a message of this id is there already."""
    now = clock.now()
    row = {
        **sent._asdict(),
        **{"shop_id": actor.shop_id, "id": message_id, "member_id": actor.member_id, "device_id": actor.device_id},
        **{"is_by_hand": True, "is_secret": False, "state": "sent", "attempts": 1},
        **{"created_at": now, "due_at": now, "finished_at": now},
    }
    result = db.session.execute(inserting_new(Message.__table__, "shop_id", "id").values(**row))
    return int(result.rowcount) == 1  # type: ignore[attr-defined]


def claim(shop_id: UUID, message_id: UUID) -> Outgoing | None:
    """Take a queued message for sending: one worker gets it, everybody else None."""
    now = clock.now()
    query = (
        sa.update(Message)
        .where(Message.shop_id == shop_id, Message.id == message_id, Message.state == "queued", Message.due_at <= now)
        .values(state="sending", claimed_at=now, attempts=Message.attempts + 1)
        .returning(Message.channel, Message.recipient, Message.body, Message.expires_at)
    )
    row = db.session.execute(query).first()
    if row is None:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        finish(shop_id, message_id, "failed", "expired before it could be sent")
        return None
    return Outgoing(str(message_id), row.channel, row.recipient, row.body)


def finish(shop_id: UUID, message_id: UUID, state: str, error: str | None = None) -> None:
    """Write down how sending ended ("sent", "failed" or "unknown"), and forget a secret body."""
    db.session.execute(
        sa.update(Message)
        .where(Message.shop_id == shop_id, Message.id == message_id)
        .values(
            state=state,
            error=error,
            finished_at=clock.now(),
            body=sa.case((Message.is_secret, ""), else_=Message.body),
        )
    )


def try_again(shop_id: UUID, message_id: UUID, error: str, at_least: timedelta = timedelta()) -> None:
    """Queue it anew after a passing error, later each time; failed when the tries are used up.

    `at_least` is how long the provider wants us to wait.
    """
    attempts = db.session.scalar(
        sa.select(Message.attempts).where(Message.shop_id == shop_id, Message.id == message_id)
    )
    if attempts is None or attempts > len(RETRY_AFTER):
        finish(shop_id, message_id, "failed", error)
        return
    db.session.execute(
        sa.update(Message)
        .where(Message.shop_id == shop_id, Message.id == message_id)
        .values(state="queued", error=error, due_at=clock.now() + max(RETRY_AFTER[attempts - 1], at_least))
    )


def give_up_on_lost() -> int:
    """Mark as unknown what a worker claimed and never finished: it may have gone out. Gives how many."""
    lost = sa.update(Message).where(Message.state == "sending", Message.claimed_at < clock.now() - SENDING_AT_MOST)
    result = db.session.execute(
        lost.values(state="unknown", finished_at=clock.now(), body=sa.case((Message.is_secret, ""), else_=Message.body))
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
