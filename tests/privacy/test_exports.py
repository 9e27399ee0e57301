"""Taking everything out: one zip, a journal line for each file, and nothing left behind."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from khata.core import clock
from khata.core.db import begin_snapshot, db, rollback, transaction
from khata.core.ids import new_id
from khata.imports.queries import EXPORT_WAITS
from khata.imports.views import WRITERS
from khata.journal.actions import GENESIS, line_hash
from khata.journal.models import JournalLine
from khata.messages.models import Message
from tests.client import Browser, sign_in
from tests.factories import DAY, make_party, make_shop, write_many
from tests.privacy.conftest import CUSTOMER, NOTE, OWNER, SHOP, STAFF

ASHA = "UTF-8''%E0%A4%86%E0%A4%B6%E0%A4%BE"


def unzip(browser: Browser) -> dict[str, bytes]:
    """The files of the shop's zip."""
    with zipfile.ZipFile(io.BytesIO(browser.take_out("shop.zip").data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def rows(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[name].decode("utf-8-sig"))))


def test_it_works(full: Browser) -> None:
    files = unzip(full)
    photos = {name for name in files if name.startswith("photos/")}
    assert set(files) - photos == {
        "README.txt", "parties.csv", "entries.csv", "cash.csv", "members.csv", "shop.json", "journal.jsonl"
    }  # fmt: skip
    assert [row["name"] for row in rows(files, "parties.csv")] == [CUSTOMER]
    assert [row["amount"] for row in rows(files, "entries.csv")] == ["50.00", "20.00"]
    assert [row["note"] for row in rows(files, "cash.csv")] == [NOTE]
    everything = json.loads(files["shop.json"])
    shown = [row["photo_id"] for row in (*everything["parties"], *everything["entries"]) if "photo_id" in row]
    assert {f"photos/{one}.jpg" for one in shown} < photos, "and the owner's face"
    assert len(photos) == 4
    assert all(files[name].startswith(b"\xff\xd8") for name in photos)
    readme = files["README.txt"].decode()
    assert SHOP in readme
    assert all(name.split("/")[0] in readme for name in files if name != "README.txt")


def test_members_with_their_numbers_and_times(full: Browser, hire: Callable[..., Browser]) -> None:
    hire("accountant", "+919876500012").post("/me", {"name": "Mina", "lang": "en"})
    full.post(f"{next(iter(_member(full, '+919876500012')))}/removal")
    told = [(row["role"], row["name"], row["number"], bool(row["removed"])) for row in rows(unzip(full), "members.csv")]
    assert told == [
        ("owner", "Asha", "'" + OWNER, False),
        ("cashier", STAFF, "", False),
        ("accountant", "Mina", "'+919876500012", True),
    ]


def _member(browser: Browser, phone: str) -> list[str]:
    html = browser.get("/members").html.split(phone)[1]
    return [part.split('"')[0] for part in html.split('action="')[1:] if part.startswith("/members/")]


def test_the_journal_proves_itself(full: Browser) -> None:
    """Names of hands and phones stand in it, and a stranger can follow its chain."""
    lines = [json.loads(line) for line in unzip(full)["journal.jsonl"].splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert {line["kind"] for line in lines if "member" not in line} == {
        "pay.asked",
        "pay.claimed",
        "pay.failed",
    }  # a customer's own word
    assert {(line["member"], line["device"]) for line in lines[1:] if "member" in line} == {("Asha", "Browser")}
    assert lines[-1]["kind"] == "export.taken"
    with full.app.app_context():
        shop_id = db.session.scalar(sa.select(JournalLine.shop_id).limit(1))
    previous = GENESIS
    for line in lines:
        told = {name: UUID(line[name]) if name in line else None for name in ("subject_id", "member_id", "device_id")}
        told["happened_at"] = None
        told["recorded_at"] = clock.datetime.fromisoformat(line["recorded_at"])
        payload = json.dumps(line["facts"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        previous = line_hash(previous, {**line, **told, "shop_id": shop_id, "payload": payload})
        assert previous.hex() == line["hash"]


def test_messages_only_where_there_are_some(app: Flask, owner: Browser) -> None:
    assert "messages.csv" not in unzip(owner)
    with app.app_context(), transaction():
        shop_id, now = db.session.scalar(sa.select(JournalLine.shop_id).limit(1)), clock.now()
        common = {"shop_id": shop_id, "kind": "reminder", "channel": "sms", "recipient": "+919812300077"}
        for body, is_secret in (("Please pay", False), ("123456", True)):
            message = Message(id=new_id(), body=body, is_secret=is_secret, created_at=now, due_at=now, **common)
            db.session.add(message)
    files = unzip(owner)
    assert [row["text"] for row in rows(files, "messages.csv")] == ["Please pay", ""]
    assert "messages.csv" in files["README.txt"].decode()


def test_another_shops_data_is_not_in_it(full: Browser, stranger: Browser) -> None:
    for name, content in unzip(stranger).items():
        for word in (CUSTOMER, NOTE, SHOP, STAFF, OWNER[1:]):
            assert word.encode() not in content, name


@pytest.mark.parametrize(
    ("shop", "header"),
    [
        ("Asha Store", 'attachment; filename="Asha Store 2026-03-10.zip"'),
        ('A/B "C"; x=\\..', 'attachment; filename="A B C ; x= .. 2026-03-10.zip"'),
        ("आशा", f'attachment; filename="shop 2026-03-10.zip"; filename*={ASHA}%202026-03-10.zip'),
    ],
)
def test_the_file_has_a_name_that_people_can_read(open_shop: Callable[..., Browser], shop: str, header: str) -> None:
    with time_machine.travel("2026-03-10T06:00:00Z", tick=False):
        answer = open_shop("+919876500006", name=shop).take_out("shop.zip")
    assert answer.headers["Content-Disposition"] == header
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert answer.content_type == "application/zip"


@pytest.mark.parametrize("name", WRITERS)
def test_each_file_is_a_line_of_the_journal_with_hand_and_phone(app: Flask, owner: Browser, name: str) -> None:
    phone = Browser(app, **{"User-Agent": "Android"})
    sign_in(phone, OWNER)
    phone.post("/me", {"name": "Asha", "lang": "en"})
    phone.take_out(name)
    assert f"Taken out as a file: {name}" in owner.get("/daybook?kind=export").text
    assert "Asha, Android" in owner.get("/daybook?kind=export").text
    with app.app_context():
        line = db.session.scalars(sa.select(JournalLine).order_by(JournalLine.seq.desc())).first()
        assert line is not None
        assert json.loads(line.payload) == {"file": name, "format": name.partition(".")[2]}


def test_no_file_without_its_line(app: Flask, owner: Browser, visitor: Browser) -> None:
    """The address of a file holds for the one who asked, on that phone, for some minutes; and asking needs a form."""
    owner.raw("GET", f"/exports/{new_id()}").close()
    owner.get(f"/exports/{new_id()}", status=404)
    owner.post("/exports", {"file": "../secret_key"}, status=422)
    owner.post("/exports", {"file": "parties.csv"})
    address = str(owner.location)
    for _again in range(2):
        assert owner.raw("GET", address, buffered=True).status_code == 200
    sign_in(visitor, OWNER)
    visitor.get(address, status=404)
    party = owner.add_party()
    owner.get(f"/exports/{party.rpartition('/')[2]}", status=404)
    with time_machine.travel(clock.now() + EXPORT_WAITS, tick=True):
        assert "once more" in owner.get(address, status=404).text


def test_a_member_without_the_right_takes_nothing_out(owner: Browser, hire: Callable[..., Browser]) -> None:
    cashier = hire("cashier")
    owner.post("/exports", {"file": "parties.csv"})
    cashier.post("/exports", {"file": "parties.csv"}, status=403)
    cashier.get(str(owner.location), status=403)


def test_the_database_is_left_before_the_file_is_sent(full: Browser) -> None:
    """A phone on 2G may take minutes: meanwhile no transaction is open, and the file has no name on the disk."""
    data_dir = full.app.config["KHATA"].data_dir
    before = {path.name for path in data_dir.iterdir()}
    full.post("/exports", {"file": "shop.zip"})
    checked_in: list[int] = []
    with full.raw("GET", str(full.location)) as answer:
        with full.app.app_context():
            checked_in.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
        assert {path.name for path in data_dir.iterdir()} == before
        assert len(answer.data) == int(answer.headers["Content-Length"])
    assert checked_in == [0]


def test_one_moment_for_all_files(context: Flask) -> None:
    """What is written meanwhile is in none of them."""
    make_shop()
    begin_snapshot()
    count = sa.select(sa.func.count()).select_from(JournalLine)
    before = db.session.scalar(count)
    with db.engine.connect() as other:
        line = other.execute(sa.select(JournalLine.__table__)).first()
        assert line is not None
        other.execute(sa.insert(JournalLine.__table__).values({**line._mapping, "seq": 99}))
        other.commit()
    assert db.session.scalar(count) == before
    rollback()
    assert db.session.scalar(count) == before + 1
    db.session.rollback()


def test_memory_does_not_grow_with_the_book(app: Flask, tmp_path: Path) -> None:
    """Nothing is held but some rows: ten times the entries, the same memory."""
    import tracemalloc

    from khata.core.photos import PhotoStore
    from khata.imports.archive import write_zip
    from khata.ledger.actions import Content

    def peak(shop: Any) -> int:
        tracemalloc.start()
        with (tmp_path / "x.zip").open("wb") as out:
            write_zip(out, shop, PhotoStore(tmp_path))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        db.session.rollback()
        return top

    from khata.accounts.models import Shop

    sizes = []
    with app.app_context():
        for number, count in ((1, 600), (2, 600), (3, 6000)):
            actor = make_shop(f"+91987650000{number}")
            party = make_party(actor)
            write_many(actor, party, [Content("gave", 100 + at, DAY, "note") for at in range(count)])
            sizes.append(peak(db.session.get_one(Shop, actor.shop_id)))
    assert sizes[2] < sizes[1] * 2.5, sizes
