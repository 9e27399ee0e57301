"""All of a shop in one zip: tables, journal, members, photos, and a page that says what is what."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import IO, Any
from uuid import UUID

import sqlalchemy as sa
from flask_babel import gettext

from khata.accounts import queries as accounts
from khata.accounts.models import Member, Person
from khata.core import clock
from khata.core.db import db
from khata.core.photos import PhotoStore
from khata.imports.exports import BATCH, cash_csv, csv_of, entries_csv, parties_csv, shop_json, spell, stream
from khata.journal import queries as journal
from khata.journal.models import JournalLine
from khata.messages.models import Message

MEMBERS, PEOPLE, MESSAGES, LINES = Member.__table__, Person.__table__, Message.__table__, JournalLine.__table__
MEMBER_HEADER = ("member_id", "role", "name", "number", "since", "removed")
MESSAGE_HEADER = ("message_id", "kind", "channel", "recipient", "text", "state", "queued", "finished")


def write_zip(out: IO[bytes], shop: Any, photos: PhotoStore) -> None:
    """Write everything of `shop` to `out`, a few rows at a time, whatever its size."""
    now = clock.local(clock.now(), shop.time_zone)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, parts in _texts(shop, now):
            with archive.open(_named(name, now), "w") as file:
                for part in parts:
                    file.write(part.encode())
        for photo_id, path in photos.of(shop.id):
            with path.open("rb") as photo, archive.open(_named(f"photos/{photo_id}.jpg", now), "w") as file:
                file.write(photo.read())


def _named(name: str, now: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, now.timetuple()[:6])
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".jpg") else zipfile.ZIP_DEFLATED
    return info


def _texts(shop: Any, now: datetime) -> Iterator[tuple[str, Iterable[str]]]:
    has_messages = db.session.scalar(sa.select(MESSAGES.c.id).where(MESSAGES.c.shop_id == shop.id).limit(1)) is not None
    yield "README.txt", [_readme(shop.name, now, has_messages)]
    yield "parties.csv", parties_csv(shop.id, shop.currency)
    yield "entries.csv", entries_csv(shop.id, shop.currency)
    yield "cash.csv", cash_csv(shop.id, shop.currency)
    yield "members.csv", members_csv(shop.id)
    if has_messages:
        yield "messages.csv", messages_csv(shop.id)
    yield "shop.json", shop_json(shop)
    yield "journal.jsonl", journal_jsonl(shop.id)


def _readme(shop: str, now: datetime, has_messages: bool) -> str:
    about: list[tuple[str, Callable[[], str]]] = [
        ("parties.csv", lambda: gettext("Customers and suppliers, and what each will give or get.")),
        ("entries.csv", lambda: gettext("All entries that count, oldest first.")),
        ("cash.csv", lambda: gettext("The cash book.")),
        ("members.csv", lambda: gettext("Who works here, or did.")),
        ("messages.csv", lambda: gettext("Messages that the shop sent.")),
        ("shop.json", lambda: gettext("For programs: the same, with what was deleted. Amounts in the smallest coin.")),
        ("journal.jsonl", lambda: gettext("For programs: who did what, when, on which device. One line each.")),
        ("photos", lambda: gettext("Photos of bills and people. shop.json names them.")),
    ]
    head = gettext("Everything that Khata keeps of %(shop)s, taken out on %(day)s.", shop=shop, day=now.date())
    lines = [f"{name}: {text()}" for name, text in about if name != "messages.csv" or has_messages]
    foot = gettext("parties.csv and entries.csv can be brought into Khata again.")
    return "\n".join([head, "", *lines, "", foot, ""])


def members_csv(shop_id: UUID) -> Iterator[str]:
    """Everybody who has or had a place in the shop, the first one first."""
    query = (
        sa.select(
            MEMBERS.c.id, MEMBERS.c.role, MEMBERS.c.created_at, MEMBERS.c.removed_at, PEOPLE.c.name, PEOPLE.c.phone
        )
        .join(PEOPLE, PEOPLE.c.id == MEMBERS.c.person_id)
        .where(MEMBERS.c.shop_id == shop_id)
        .order_by(MEMBERS.c.created_at, MEMBERS.c.id)
    )
    return csv_of(MEMBER_HEADER, stream(query), _member_cells)


def _member_cells(row: Any) -> list[str]:
    return [str(row.id), row.role, row.name, row.phone or "", row.created_at.isoformat(), _time(row.removed_at)]


def messages_csv(shop_id: UUID) -> Iterator[str]:
    """What the shop sent, to whom, and how far it came."""
    rows = stream(sa.select(MESSAGES).where(MESSAGES.c.shop_id == shop_id).order_by(MESSAGES.c.id))
    return csv_of(MESSAGE_HEADER, rows, _message_cells)


def _message_cells(row: Any) -> list[str]:
    body = "" if row.is_secret else row.body
    sent = [row.state, row.created_at.isoformat(), _time(row.finished_at)]
    return [str(row.id), row.kind, row.channel, row.recipient, body, *sent]


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()


def journal_jsonl(shop_id: UUID) -> Iterator[str]:
    """Every line of the journal with the names of member and device, and all that its hash is made from."""
    names = dict(accounts.members_of(shop_id))
    at = db.session.scalars(sa.select(LINES.c.device_id).where(LINES.c.shop_id == shop_id).distinct())
    labels = accounts.device_labels(at)
    batch: list[str] = []
    for line in journal.chain(shop_id):
        told = {name: value for name, value in line._mapping.items() if name not in ("shop_id", "payload", "hash")}
        told |= {"member": names.get(line.member_id), "device": labels.get(line.device_id)}
        told |= {"facts": json.loads(line.payload), "hash": line.hash.hex()}
        batch.append(spell({name: value for name, value in told.items() if value is not None}))
        if len(batch) == BATCH:
            yield "\n".join(batch) + "\n"
            batch = []
    yield "".join(f"{one}\n" for one in batch)
