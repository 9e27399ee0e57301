"""People and their shops."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.accounts import membership, queries
from khata.accounts.models import Member, Person, Shop
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, in_shop
from khata.core.ids import new_id
from khata.journal import actions as journal


def person_for(phone: str, lang: str, arrival: dict[str, Any]) -> Person:
    """The person with this number; a new one keeps how they came."""
    person = queries.person_by_phone(phone)
    if person is None:
        person = Person(id=new_id(), phone=phone, name="", lang=lang, arrival=arrival, created_at=clock.now())
        db.session.add(person)
        db.session.flush()
    return person


class NewShop(NamedTuple):
    """What a new shop needs."""

    name: str
    category: str
    currency: str
    time_zone: str
    country: str


def open_shop(person_id: UUID, device_id: UUID | None, new: NewShop) -> Actor:
    """Make a shop with its journal, owned by the person. Gives the owner as actor in it."""
    shop_id = new_id()
    with in_shop(shop_id):
        db.session.add(Shop(id=shop_id, created_at=clock.now(), **new._asdict()))
        db.session.flush()
        member = Member(shop_id=shop_id, id=new_id(), person_id=person_id, role="owner", created_at=clock.now())
        db.session.add(member)
        db.session.flush()
        journal.start_journal(shop_id)
        owner = Actor(shop_id, member.id, device_id)
        journal.record(owner, journal.Event("shop.opened", shop_id, new._asdict()))
    return owner


class WaysToPay(NamedTuple):
    """Where customers pay the shop, and for how many days a link to their page holds (None: until it is ended)."""

    upi_address: str = ""
    pix_key: str = ""
    iban: str = ""
    city: str = ""
    link_days: int | None = None


class ShopDetails(NamedTuple):
    """What may be changed of a shop; its picture stays where there is no new one."""

    name: str
    category: str
    ways: WaysToPay = WaysToPay()
    picture_id: UUID | None = None


def edit_shop(actor: Actor, details: ShopDetails) -> None:
    """Change what the shop is called, sells and is paid by."""
    values: dict[str, Any] = {"name": details.name, "category": details.category, **details.ways._asdict()}
    if details.picture_id is not None:
        values["picture_id"] = details.picture_id
    db.session.execute(sa.update(Shop).where(Shop.id == actor.shop_id).values(**values))
    facts = {**values, "picture_id": details.picture_id and details.picture_id.hex}
    journal.record(actor, journal.Event("shop.edited", actor.shop_id, facts))


def edit_person(person_id: UUID, device_id: UUID | None, name: str, lang: str) -> None:
    """Change a person's name and language; each of their shops hears the name.

    Raises Invalid where another member of one of them is called so.
    """
    before = queries.name_of(person_id)
    for shop in sorted(queries.shops_of(person_id), key=lambda shop: shop.id):
        member = Actor(shop.id, shop.member_id, device_id)
        with in_shop(shop.id):
            journal.lock(shop.id)
            if name != before:
                membership.require_free_name(shop.id, name, shop.member_id)
            facts = {"name": name, "before": before}
            journal.record(member, journal.Event("member.named", shop.member_id, facts))
    db.session.execute(sa.update(Person).where(Person.id == person_id).values(name=name, lang=lang))


def choose_language(person_id: UUID, lang: str) -> None:
    """Keep the language that a person chose by a link."""
    db.session.execute(sa.update(Person).where(Person.id == person_id).values(lang=lang))
