"""A file goes in through the page: looked at first, written once, told line by line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from khata.accounts.models import Person
from khata.accounts.queries import all_shops, shops_of
from khata.core.actor import Actor
from khata.core.db import db, transaction
from khata.imports import actions, drafts, queries
from khata.imports.models import Import
from khata.ledger.models import Entry
from khata.ledger.verification import differences
from khata.parties.models import Party
from tasks import imports as tasks
from tests.client import Browser, Page

DATA = Path(__file__).parents[1] / "data"
PART_SUM, PART_ENTRIES, PART_PARTIES = 890_131, 271, 99


def send(browser: Browser, content: bytes | str, form: str = "csv", name: str = "list.csv", status: int = 303) -> Page:
    """Send a file and give the preview, or the refusal."""
    raw = content.encode() if isinstance(content, str) else content
    boundary, body = encode_multipart({"format": form, "file": FileStorage(io.BytesIO(raw), name)})
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    page = browser.post("/imports", body, status=status, **headers)  # type: ignore[arg-type]
    return browser.get(browser.location) if status == 303 else page


def write(browser: Browser, **fields: str) -> Page:
    """Write what was just sent, and give the page that says what became of it."""
    shown = str(browser.location)
    browser.post(f"{shown}/rows", fields, then=shown)
    return browser.get(shown)


def bring_in(browser: Browser, content: bytes | str, form: str = "csv", **fields: str) -> Page:
    send(browser, content, form)
    return write(browser, **fields)


def everybody(app: Flask) -> list[tuple[str, int]]:
    """Names and balances in minor units, of every shop."""
    with app.app_context():
        return sorted(tuple(row) for row in db.session.execute(sa.select(Party.name, Party.balance_minor)))


def balances(app: Flask) -> dict[str, int]:
    """name -> balance in minor units, where no name stands twice."""
    return dict(everybody(app))


def entry_count(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(Entry)) or 0


def assert_verified(app: Flask) -> None:
    with app.app_context():
        assert [found for shop in all_shops() for found in differences(shop.id, shop.currency)] == []


@pytest.fixture
def part() -> bytes:
    return (DATA / "cdnow_part.txt").read_bytes()


def test_a_list_of_customers_is_shown_and_written(app: Flask, owner: Browser) -> None:
    page = send(owner, (DATA / "customers.csv").read_bytes())
    assert "4 lines are ready" in page.text
    assert "3 lines cannot be taken" in page.text
    assert "Line 8" in page.text
    assert balances(app) == {}  # nothing is written before it is said
    page = write(owner)
    assert "4 new accounts" in page.text
    assert "3 new entries" in page.text
    assert balances(app) == {"Ramesh Kumar": 125050, "सीता देवी": -30000, "Zoya": 0, "=2+5": 1000}
    assert_verified(app)


def test_the_same_file_again_adds_nothing(app: Flask, owner: Browser) -> None:
    content = (DATA / "customers.csv").read_bytes()
    bring_in(owner, content)
    before = balances(app)
    page = send(owner, content)
    assert "4 lines are in the ledger already" in page.text
    page = write(owner)
    assert "0 new entries" in page.text
    assert balances(app) == before


def test_real_purchases(app: Flask, dollar_owner: Browser, part: bytes) -> None:
    page = bring_in(dollar_owner, part, "cdnow")
    assert f"{PART_ENTRIES} new entries" in page.text
    assert f"{PART_PARTIES} new accounts" in page.text
    assert "2 lines cannot be taken" in page.text
    assert "Line 226" in page.text
    assert "Line 266" in page.text
    assert sum(balances(app).values()) == PART_SUM
    assert_verified(app)


def test_like_lines_both_count_and_an_extended_file_adds_its_end(
    app: Flask, dollar_owner: Browser, part: bytes
) -> None:
    lines = part.splitlines(keepends=True)
    bring_in(dollar_owner, b"".join(lines[:200]), "cdnow")
    bring_in(dollar_owner, part, "cdnow")
    bring_in(dollar_owner, part, "cdnow")
    assert entry_count(app) == PART_ENTRIES
    assert sum(balances(app).values()) == PART_SUM


def test_again_when_the_person_says_so(app: Flask, dollar_owner: Browser, part: bytes) -> None:
    bring_in(dollar_owner, part, "cdnow")
    bring_in(dollar_owner, part, "cdnow", again="1")
    assert entry_count(app) == 2 * PART_ENTRIES
    assert len(balances(app)) == PART_PARTIES
    assert sum(balances(app).values()) == 2 * PART_SUM
    assert_verified(app)


def test_entries_find_their_party(app: Flask, owner: Browser) -> None:
    owner.add_party("Ramesh", phone="9876500001")
    owner.add_party("Sita")
    owner.add_party("Gopal", phone="9876500003")
    owner.add_party("Gopal", phone="9876500004")
    page = bring_in(
        owner,
        "name,phone,date,gave,got\n"
        "Someone else,98765 00001,2024-11-05,10,\n"  # by the number
        "SITA,,2024-11-05,20,\n"  # by the name
        "Gopal,,2024-11-05,30,\n"  # two have it
        "Gopal,9876500003,2024-11-06,,5\n"
        "Sita,9876500009,2024-11-06,1,\n"  # the Sita without a number
        "Zoya,,2024-11-07,40,\n"  # new, once
        "Zoya,,2024-11-07,40,\n",
    )
    assert "Two accounts have this name" in page.text
    assert everybody(app) == [("Gopal", -500), ("Gopal", 0), ("Ramesh", 1000), ("Sita", 2100), ("Zoya", 8000)]
    assert_verified(app)


def test_entries_of_a_deleted_party_are_refused(app: Flask, owner: Browser) -> None:
    party = owner.add_party("Ramesh", phone="9876500001")
    owner.post(f"{party}/deletion")
    page = bring_in(owner, "name,phone,amount\nRamesh,9876500001,10\nSita,,10\n")
    assert "Ramesh was deleted" in page.text
    assert entry_count(app) == 1


def test_an_opening_balance_counts_once(app: Flask, owner: Browser) -> None:
    party = owner.add_party("Ramesh")
    owner.write(party, "gave", "50")
    page = send(owner, "name,balance\nRamesh,80\nSita,10\nSita,10\n")
    assert "has entries already" in page.text
    assert "in the file before" in page.text
    write(owner)
    assert balances(app) == {"Ramesh": 5000, "Sita": 1000}


def test_a_balance_too_large_is_refused_alone(app: Flask, owner: Browser) -> None:
    huge = "name,amount\n" + "Ramesh,100000000000\n" * 11 + "Sita,5\n"
    page = bring_in(owner, huge)
    assert "This balance would be too large." in page.text
    assert balances(app) == {"Ramesh": 10**14, "Sita": 500}
    assert_verified(app)


def test_columns_can_be_chosen(app: Flask, owner: Browser) -> None:
    send(owner, "A,B,C\nRamesh,x,120\nSita,y,80\n")
    shown = owner.location
    chosen = {"map_name": "0", "map_note": "1", "map_amount": "2"}
    owner.post(f"{shown}/mapping", chosen, then=shown)
    assert "2 lines are ready" in owner.get(str(shown)).text
    write(owner)
    assert balances(app) == {"Ramesh": 12000, "Sita": 8000}


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"map_amount": "2"}, "Say which column holds the name."),
        ({"map_name": "0", "map_amount": "2", "map_balance": "1"}, "Choose one of the two."),
        ({"map_name": "0", "map_amount": "2", "map_gave": "1"}, "Choose either one column of amounts"),
        ({"map_name": "99"}, "Choose one of the columns."),
        ({"map_name": "-1"}, "Choose one of the columns."),
        ({"map_name": "٣"}, "Choose one of the columns."),
    ],
)
def test_a_choice_of_columns_that_makes_no_sense(owner: Browser, chosen: dict[str, str], sentence: str) -> None:
    send(owner, "A,B,C\nRamesh,x,120\n")
    assert sentence in owner.post(f"{owner.location}/mapping", chosen, status=422).text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "This file is empty."),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a text file"),
        (b"PK\x03\x04....", "Excel file"),
        (b"Name\nJos\x81\n", "can't be read"),
        (b",".join([b"a"] * 1_000_000), "too many columns"),
        (b"a" * (16 * 1024 * 1024 + 1), "At most 16 MB"),
    ],
)
def test_what_is_no_list_gets_one_sentence(
    app: Flask, owner: Browser, data_dir: Path, content: bytes, sentence: str
) -> None:
    kept = sorted((data_dir / "imports").rglob("*"))
    assert sentence in send(owner, content, status=422).text
    assert [path for path in sorted((data_dir / "imports").rglob("*")) if path.is_file() and path not in kept] == []


def test_no_file_at_all(owner: Browser) -> None:
    assert "Choose a file." in owner.post("/imports", {"format": "csv"}, status=422).text
    assert "Choose one of these." in send(owner, "name\nx\n", "exe", status=422).text


def test_contacts(app: Flask, owner: Browser) -> None:
    page = send(owner, (DATA / "contacts.vcf").read_bytes(), name="contacts.vcf")  # though called a table
    assert "2 lines cannot be taken" in page.text
    write(owner)
    assert set(balances(app)) == {"रमेश", "Kumar, Ram", "Zoya", "Name Only"}


def test_what_is_not_yours_is_not_there(app: Flask, owner: Browser, stranger: Browser) -> None:
    send(owner, "name\nRamesh\n")
    shown = str(owner.location)
    stranger.get(shown, 404)
    stranger.post(f"{shown}/mapping", {"map_name": "0"}, status=404)
    stranger.post(f"{shown}/rows", status=404)
    assert balances(app) == {}


def test_pressing_twice_writes_once(app: Flask, owner: Browser) -> None:
    send(owner, "name,amount\nRamesh,5\n")
    write(owner)
    write(owner, again="1")
    assert balances(app) == {"Ramesh": 500}


def test_a_hostile_name_stays_text(owner: Browser) -> None:
    page = send(owner, '<b>name</b>,amount\n"<script>alert(1)</script>",x\n')
    assert "<script>alert" not in page.html


# --- Long files: the worker's ---


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "CHUNK", 50)


@pytest.mark.usefixtures("short_chunks")
def test_a_long_file_goes_to_the_worker(app: Flask, dollar_owner: Browser, part: bytes) -> None:
    page = bring_in(dollar_owner, part, "cdnow")
    assert f"{PART_ENTRIES} new entries" in page.text
    assert sum(balances(app).values()) == PART_SUM
    assert_verified(app)


def queue(app: Flask, part: bytes) -> tuple[UUID, UUID]:
    """An import that waits for its worker."""
    with app.app_context(), transaction():
        [shop] = shops_of(db.session.scalars(sa.select(Person.id)).one())
        actor = Actor(shop.id, shop.member_id)
        import_id = UUID(int=9)
        actions.take_in(actor, import_id, tasks.store(), io.BytesIO(part), "part.txt", "cdnow", "en")
        actions.confirm(shop.id, import_id, again=False)
        return shop.id, import_id


@pytest.mark.usefixtures("short_chunks", "dollar_owner")
def test_a_worker_that_dies_is_followed_by_another(
    app: Flask, part: bytes, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop_id, import_id = queue(app, part)
    real, calls = actions.advance, []

    def dies(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(*args)

    monkeypatch.setattr(actions, "advance", dies)
    with app.app_context(), pytest.raises(KeyboardInterrupt):
        tasks.write(shop_id, import_id)
    monkeypatch.setattr(actions, "advance", real)
    assert 0 < entry_count(app) < PART_ENTRIES
    with app.app_context():
        assert tasks.sweep() == 0  # it may be at work still
        monkeypatch.setattr(queries, "LEFT_BEHIND", -queries.LEFT_BEHIND)
        assert tasks.sweep() == 1
        row = queries.get_import(shop_id, import_id)
        assert (row.status, row.added_entries, row.refused_count) == ("done", PART_ENTRIES, 2)
        assert tasks.sweep() == 0
    assert sum(balances(app).values()) == PART_SUM
    assert_verified(app)
    (data_dir / "imports" / shop_id.hex / import_id.hex).unlink()


@pytest.mark.usefixtures("dollar_owner")
def test_an_import_that_fails_again_and_again_is_given_up(app: Flask, part: bytes, data_dir: Path) -> None:
    shop_id, import_id = queue(app, part)
    with app.app_context(), transaction():
        db.session.execute(sa.update(Import).values(attempts=actions.TRIES))
    with app.app_context():
        tasks.write(shop_id, import_id)
        assert queries.get_import(shop_id, import_id).status == "failed"
    (data_dir / "imports" / shop_id.hex / import_id.hex).unlink()


# --- The command ---


@pytest.fixture
def command(app: Flask, context: Flask) -> Callable[..., Any]:
    def run(*words: str) -> Any:
        return app.test_cli_runner().invoke(args=["import", *words])

    return run


@pytest.mark.usefixtures("dollar_owner")
def test_the_command(app: Flask, command: Callable[..., Any]) -> None:
    words = (str(DATA / "cdnow_part.txt"), "--shop-phone", "+12125550123", "--format", "cdnow")
    said = command(*words)
    assert said.exit_code == 0, said.output
    assert f"{PART_ENTRIES} entries and {PART_PARTIES} parties in" in said.output
    assert "line 226 refused: The amount is zero." in said.output
    assert "2 lines refused" in said.output
    said = command(*words)
    assert said.exit_code == 0
    assert "0 entries and 0 parties in" in said.output
    assert entry_count(app) == PART_ENTRIES
    assert command(*words, "--again").exit_code == 0
    assert entry_count(app) == 2 * PART_ENTRIES


@pytest.mark.usefixtures("owner")
def test_the_command_says_what_is_wrong(command: Callable[..., Any], tmp_path: Path) -> None:
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    said = command(str(picture), "--shop-phone", "+919876543210")
    assert said.exit_code == 1
    assert "not a text file" in said.output
    said = command(str(picture), "--shop-phone", "+919876543299")
    assert said.exit_code == 1
    assert "no such shop" in said.output
    nothing = tmp_path / "nothing.csv"
    nothing.write_text("name,amount\nRam,x\n")
    assert command(str(nothing), "--shop-phone", "+919876543210").exit_code == 1


# --- Taking out ---


def download(browser: Browser, name: str) -> str:
    answer = browser.take_out(name)
    assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"
    return answer.get_data(as_text=True)


def test_exports_start_no_formula(owner: Browser) -> None:
    party = owner.add_party("=cmd|'/C calc'!A0", phone="9876500001", address="+1", note="@x")
    owner.write(party, "got", "12.50", note="-5")
    owner.post("/cash", {"direction": "in", "amount": "5", "category": "sale", "note": "=1"})
    owner.get("/exports")
    for name in ("parties.csv", "entries.csv", "cash.csv"):
        text = download(owner, name)
        assert text.startswith("\ufeff")
        cells = [cell.strip('"') for line in text[1:].splitlines() for cell in line.split(",")]
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")], text
    assert ",12.50," in download(owner, "parties.csv")


def test_what_was_taken_out_can_be_brought_in(app: Flask, owner: Browser, stranger: Browser) -> None:
    bring_in(owner, "name,phone,date,amount,direction\n'=x,98765 00001,2024-11-05,10,got\nSita,,2024-11-06,5,\n" * 2)
    mine = balances(app)
    parties, entries = download(owner, "parties.csv"), download(owner, "entries.csv")
    assert "0 new entries" in bring_in(owner, entries).text
    assert "0 new accounts" in bring_in(owner, parties).text
    assert balances(app) == mine == {"=x": -2000, "Sita": 1000}
    assert "4 new entries" in bring_in(stranger, entries).text
    assert "0 new accounts" in bring_in(stranger, parties).text
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.sum(Party.balance_minor))) == -2000
    assert_verified(app)


def test_an_entry_tells_who_wrote_it_and_where(owner: Browser) -> None:
    owner.post("/me", {"name": "Asha", "lang": "en"})
    owner.write(owner.add_party("Ramesh"), "gave", "50")
    (row,) = csv.DictReader(io.StringIO(download(owner, "entries.csv")))
    assert (row["written_by"], row["on_device"]) == ("Asha", "Browser")


def test_everything_in_one_file(owner: Browser, stranger: Browser) -> None:
    party = owner.add_party("Ramesh")
    page = owner.write(party, "gave", "50")
    entry = page.links("/entries/")[0]
    owner.post(f"{entry}/deletion")
    stranger.add_party("Not mine")
    everything = json.loads(download(owner, "shop.json"))
    assert everything["shop"]["currency"] == "INR"
    assert [each["name"] for each in everything["parties"]] == ["Ramesh"]
    assert everything["entries"][0]["amount_minor"] == 5000
    assert everything["entries"][0]["deleted_at"]
    assert everything["cash"] == []
