"""A party's link: made, renewed, taken back, opened."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.accounts import queries as accounts
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db
from khata.core.ids import new_id
from khata.core.tokens import token_hash, token_of
from khata.errors import Invalid, NotFound
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.messages import actions as messages
from khata.parties import queries as parties
from khata.payments import queries
from khata.payments.models import PayLink

PAY_LINK = "pay link"  # the purpose its token is made for


class NoLink(NotFound):
    """The link was taken back, has expired, or never was one: the answer is the same."""

    code = "no_link"
    message = _("This link no longer holds. Ask the shop for a new one.")


def make_link(actor: Actor, secret: str, party_id: UUID, lang: str) -> str:
    """A new link for the party, in place of the one there was; gives its token.

    Raises NotFound, and Invalid for a deleted party.
    """
    journal.lock(actor.shop_id)
    party = parties.get_party(actor.shop_id, party_id)
    if party.deleted_at is not None:
        raise Invalid(_("%(name)s was deleted. Bring them back first.", name=party.name), "party_deleted")
    _end(actor.shop_id, party_id)
    now, link_id = clock.now(), new_id()
    shop = accounts.shop_by_id(actor.shop_id)
    days = shop.link_days if shop else None
    token = token_of(secret, PAY_LINK, link_id)
    journal.record(actor, Event("pay.link_made", link_id, {"party_id": party_id.hex}))
    db.session.add(
        PayLink(
            shop_id=actor.shop_id,
            id=link_id,
            party_id=party_id,
            token_hash=token_hash(token),
            lang=lang,
            created_at=now,
            expires_at=now + timedelta(days=days) if days else None,
        )
    )
    db.session.flush()
    return token


def end_link(actor: Actor, party_id: UUID) -> None:
    """Take the party's link back; raises NotFound where there is no such party."""
    journal.lock(actor.shop_id)
    parties.get_party(actor.shop_id, party_id)
    ended = _end(actor.shop_id, party_id)
    if ended is not None:
        journal.record(actor, Event("pay.link_ended", ended.id, {"party_id": party_id.hex}))


def _end(shop_id: UUID, party_id: UUID) -> PayLink | None:
    link = queries.link_of(shop_id, party_id)
    if link is not None:
        link.ended_at = clock.now()
        db.session.flush()
    return link


def token_for(secret: str, shop_id: UUID, party_id: UUID) -> str | None:
    """The token of the party's link, where it has one that holds."""
    link = queries.link_of(shop_id, party_id)
    return token_of(secret, PAY_LINK, link.id) if link is not None and _holds(link) else None


def ensure_link(actor: Actor, secret: str, party_id: UUID, lang: str) -> str:
    """The token of the party's link; a new one where none holds. Raises as `make_link`."""
    return token_for(secret, actor.shop_id, party_id) or make_link(actor, secret, party_id, lang)


def find_link(token: str) -> PayLink:
    """The link that `token` opens, of whatever shop; raises NoLink."""
    link = queries.link_by_hash(token_hash(token))
    if link is None or not _holds(link):
        raise NoLink
    return link


def _holds(link: PayLink) -> bool:
    return link.ended_at is None and (link.expires_at is None or link.expires_at > clock.now())


def see_link(shop_id: UUID, link_id: UUID, time_zone: str) -> None:
    """Write down that the customer opened the link; of one day once."""
    journal.lock(shop_id)
    link = db.session.get(PayLink, (shop_id, link_id), populate_existing=True)
    if link is None or is_seen_today(link, time_zone):
        return
    journal.record(Actor(shop_id, None), Event("pay.link_opened", link_id, {"party_id": link.party_id.hex}))
    link.opened_at = clock.now()
    messages.mark_clicked(shop_id, link.party_id)


def is_seen_today(link: PayLink, time_zone: str) -> bool:
    """True where it was opened on this day of the shop already."""
    if link.opened_at is None:
        return False
    return clock.local(link.opened_at, time_zone).date() == clock.today(time_zone)
