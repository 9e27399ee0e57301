"""What tests begin with: shops, parties and entries made by actions, pictures, and a look at every table."""

from __future__ import annotations

import io
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from PIL import Image

from khata.accounts import actions as accounts
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import Base, db, transaction
from khata.core.ids import new_id
from khata.ledger import actions as ledger
from khata.ledger.models import LedgerTotal
from khata.ledger.verification import differences
from khata.parties import actions as parties
from khata.parties.actions import Details
from khata.parties.models import Party

DAY = date(2026, 3, 10)


def make_shop(phone: str = "+919876500001", currency: str = "INR", time_zone: str = "Asia/Kolkata") -> Actor:
    """The owner of a new shop."""
    with transaction():
        person = accounts.person_for(phone, "en", {})
        return accounts.open_shop(person.id, None, accounts.NewShop("Asha Store", "grocery", currency, time_zone, "IN"))


def make_party(actor: Actor, name: str = "Ramesh", kind: str = "customer", **details: Any) -> UUID:
    """A new party's id."""
    party_id = new_id()
    with transaction():
        parties.add_party(actor, party_id, kind, Details(name, **details))
    return party_id


def write(actor: Actor, party_id: UUID, direction: str, amount_minor: int, on: date = DAY, **more: Any) -> UUID:
    """A new entry's id."""
    entry_id = new_id()
    with transaction():
        ledger.record_entry(actor, party_id, entry_id, ledger.Content(direction, amount_minor, on, **more))
    return entry_id


def write_many(actor: Actor, party_id: UUID, contents: list[ledger.Content]) -> list[UUID]:
    """Ids of many entries, written in one transaction."""
    ids = [new_id() for _content in contents]
    with transaction():
        for entry_id, content in zip(ids, contents, strict=True):
            ledger.record_entry(actor, party_id, entry_id, content)
    return ids


def row_of(party_id: UUID) -> sa.Row[Any]:
    """The party's row as it stands now."""
    with db.engine.connect() as connection:
        return connection.execute(sa.select(Party.__table__).where(Party.__table__.c.id == party_id)).one()


def totals_of(shop_id: UUID) -> dict[str, tuple[int, int]]:
    """(will get, will give) of customers and of suppliers, as they are kept."""
    table = LedgerTotal.__table__
    rows = db.session.execute(sa.select(table).where(table.c.shop_id == shop_id)).all()
    return {row.kind: (row.get_minor, row.give_minor) for row in rows}


def faults(actor: Actor, currency: str = "INR") -> list[str]:
    """What `verify` finds in the actor's shop."""
    found = list(differences(actor.shop_id, currency))
    db.session.rollback()
    return found


def dump() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with db.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


def change_row(statement: str, **values: Any) -> None:
    """Tamper with the database behind the application's back."""
    with db.engine.begin() as connection:
        changed = connection.execute(sa.text(statement), values)
        assert changed.rowcount == 1, f"{changed.rowcount} rows changed"


def stored(value: UUID) -> Any:
    """An id as this database keeps it, for statements written by hand."""
    return value if db.engine.dialect.name == "postgresql" else value.bytes


def picture(format_: str = "JPEG", size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """A small picture as a camera makes it."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 30, 40)).save(buffer, format_, **options)
    return buffer.getvalue()


def picture_with_place() -> bytes:
    """A JPEG that tells where it was taken, by which phone, and that it lies on its side."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "PhoneMaker", 6
    exif.get_ifd(0x8825)[1], exif.get_ifd(0x8825)[2] = "N", (19.0, 4.0, 33.0)
    return picture(exif=exif, comment=b"a secret remark")


def upload(content: bytes, name: str = "bill.jpg") -> tuple[io.BytesIO, str]:
    """A file field."""
    return io.BytesIO(content), name


def large_upload(content: bytes) -> dict[str, Any]:
    """The photo as a body that the test client need not put into a file of its own."""
    head = b"--b\r\nContent-Disposition: form-data; name=photo; filename=a.jpg\r\n\r\n"
    return {"data": head + content + b"\r\n--b--\r\n", "content_type": "multipart/form-data; boundary=b"}


def today(time_zone: str = "Asia/Kolkata") -> date:
    """The shop's date."""
    return clock.today(time_zone)
