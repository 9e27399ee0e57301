"""What members should hear of, inside the app: shown until it is read. The journal line of the event goes with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask_babel import get_locale
from flask_babel import lazy_gettext as _

from khata.accounts import queries
from khata.accounts.models import Notice
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db
from khata.core.ids import new_id
from khata.core.money import format_amount
from khata.errors import NotFound
from khata.journal import actions as journal

SENTENCES = {
    "device.signed_in": _("%(name)s signed in on another device: %(label)s."),
    "shop.handed_over": _("The shop was handed over to %(name)s."),
    "member.pin_blocked": _("Somebody tried too many wrong PINs for %(name)s on %(label)s."),
    "due.to_pay": _("%(amount)s is to be paid to %(name)s."),
}
PAGES = {"due.to_pay": "/to-pay"}  # where to look; at the devices for all else


def tell_owners(shop_id: UUID, kind: str, facts: dict[str, Any]) -> None:
    """Let every owner of the shop see it at their next look at the ledger."""
    now = clock.now()
    for owner in queries.team(shop_id):
        if owner.role == "owner":
            db.session.add(
                Notice(shop_id=shop_id, id=new_id(), member_id=owner.id, kind=kind, facts=facts, created_at=now)
            )
    db.session.flush()


def read(actor: Actor, notice_id: UUID) -> None:
    """Put a notice away; raises NotFound where it is somebody else's. The journal tells that it was read."""
    journal.lock(actor.shop_id)
    notice = db.session.get(Notice, (actor.shop_id, notice_id))
    if notice is None or notice.member_id != actor.member_id:
        raise NotFound
    if notice.read_at is None:
        journal.record(actor, journal.Event("member.read_notice", notice_id, {"kind": notice.kind}))
        notice.read_at = clock.now()


def put_away(shop_id: UUID, kind: str, about: str) -> None:
    """What was to be done is done: nobody need hear of it any more. The journal line of that comes with it."""
    query = sa.select(Notice).where(Notice.shop_id == shop_id, Notice.kind == kind, Notice.read_at.is_(None))
    for notice in db.session.scalars(query):
        if notice.facts.get("about") == about:
            notice.read_at = clock.now()
    db.session.flush()


def unread(shop_id: UUID, member_id: UUID) -> list[Notice]:
    """What the member has not put away yet, oldest first."""
    query = sa.select(Notice).where(Notice.shop_id == shop_id, Notice.member_id == member_id, Notice.read_at.is_(None))
    return list(db.session.scalars(query.order_by(Notice.id)))


def told(shop_id: UUID, member_id: UUID) -> list[tuple[UUID, str, datetime, str]]:
    """(id, what it says, when, where to look) of what the member has not put away yet."""
    found = unread(shop_id, member_id)
    return [(one.id, _sentence(one), one.created_at, PAGES.get(one.kind, "/devices")) for one in found]


def _sentence(notice: Notice) -> str:
    facts = dict(notice.facts)
    if "amount_minor" in facts:
        facts["amount"] = format_amount(facts["amount_minor"], facts["currency"], str(get_locale() or "en"))
    return str(SENTENCES[notice.kind] % facts)
