"""Queue, claim and finish messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, inserting_new
from khata.core.ids import new_id
from khata.messages.channels import StatusUpdate
from khata.messages.models import HOUSE, Message
from khata.messages.queries import SENDING_AT_MOST

MESSAGES = Message.__table__
CHUNK = 500
CLICK_COUNTS = timedelta(days=30)
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


class Place(NamedTuple):
    """A message's own id, the party that it goes to, and what it is about."""

    message_id: UUID
    party_id: UUID
    subject_id: UUID | None = None


class Queued(NamedTuple):
    """Messages to parties that wait: what they say is made when they go out, of what is so then."""

    kind: str
    channel: str
    due_at: datetime
    expires_at: datetime | None = None


def queue_for_parties(actor: Actor, places: list[Place], queued: Queued) -> int:
    """Queue a message for each place; what is there already stays. Gives how many are new."""
    now, new = clock.now(), 0
    common: dict[str, Any] = {
        **{"shop_id": actor.shop_id, "member_id": actor.member_id, "device_id": actor.device_id, **queued._asdict()},
        **{"recipient": "", "body": "", "is_secret": False, "is_by_hand": False, "lang": ""},
        **{"state": "queued", "attempts": 0, "created_at": now},
    }
    for start in range(0, len(places), CHUNK):
        rows = [
            {**common, "id": place.message_id, "party_id": place.party_id, "subject_id": place.subject_id}
            for place in places[start : start + CHUNK]
        ]
        statement = inserting_new(Message.__table__, "shop_id", "id").values(rows)
        new += int(db.session.execute(statement).rowcount)  # type: ignore[attr-defined]
    return new


def claim(shop_id: UUID, message_id: UUID) -> Any:
    """Take a queued message for sending: one worker gets its row, everybody else None."""
    now = clock.now()
    query = (
        sa.update(MESSAGES)
        .where(MESSAGES.c.shop_id == shop_id, MESSAGES.c.id == message_id)
        .where(MESSAGES.c.state == "queued", MESSAGES.c.due_at <= now)
        .values(state="sending", claimed_at=now, attempts=MESSAGES.c.attempts + 1)
        .returning(*MESSAGES.c)
    )
    row = db.session.execute(query).first()
    if row is None:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        finish(shop_id, message_id, "failed", "expired before it could be sent")
        return None
    return row


class Skip(NamedTuple):
    """It is not to be sent at all; `reason` is one of models.SKIPPED_FOR."""

    reason: str


class Later(NamedTuple):
    """It is not to be sent yet."""

    at: datetime


def write_down(shop_id: UUID, message_id: UUID, **values: Any) -> None:
    """Keep what a message came to say, to whom, as it goes out."""
    _change(shop_id, message_id, **values)


def skip(shop_id: UUID, message_id: UUID, reason: str) -> None:
    """Let a claimed message go, and say why."""
    _change(shop_id, message_id, state="skipped", reason=reason, finished_at=clock.now())


def put_off(shop_id: UUID, message_id: UUID, until: datetime) -> None:
    """Give a claimed message back to wait until then; it was no try."""
    _change(shop_id, message_id, state="queued", due_at=until, attempts=MESSAGES.c.attempts - 1)


def _change(shop_id: UUID, message_id: UUID, **values: Any) -> None:
    one = (MESSAGES.c.shop_id == shop_id, MESSAGES.c.id == message_id)
    db.session.execute(sa.update(MESSAGES).where(*one).values(**values))


RANK = {"queued": 0, "sending": 1, "unknown": 1, "sent": 2, "delivered": 3, "read": 4, "clicked": 5}


def take_status(update: StatusUpdate) -> None:
    """Keep what a provider reports of a message, of whatever shop; a state never goes back, and may come twice."""
    query = sa.select(MESSAGES.c.shop_id, MESSAGES.c.id, MESSAGES.c.state)
    row = db.session.execute(query.where(MESSAGES.c.provider_id == update.provider_id).with_for_update()).first()
    if row is None or row.state not in RANK:
        return
    if update.state == "failed":
        if RANK[row.state] < RANK["delivered"]:
            error = (update.error or "the provider reports a failure")[:200]
            _change(row.shop_id, row.id, state="failed", error=error, finished_at=update.at or clock.now())
        return
    if RANK.get(update.state, 0) > RANK[row.state]:
        _change(row.shop_id, row.id, state=update.state)


def mark_clicked(shop_id: UUID, party_id: UUID) -> None:
    """The party has opened what its messages of the last month led to."""
    since = clock.now() - CLICK_COUNTS
    seen = (MESSAGES.c.shop_id == shop_id, MESSAGES.c.party_id == party_id, MESSAGES.c.created_at > since)
    out = MESSAGES.c.state.in_(("sent", "delivered", "read"))
    db.session.execute(sa.update(MESSAGES).where(*seen, out).values(state="clicked"))


def finish(
    shop_id: UUID, message_id: UUID, state: str, error: str | None = None, provider_id: str | None = None
) -> None:
    """Write down how sending ended ("sent", "failed" or "unknown"), and forget a secret body."""
    db.session.execute(
        sa.update(Message)
        .where(Message.shop_id == shop_id, Message.id == message_id)
        .values(
            state=state,
            error=error,
            provider_id=provider_id,
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
