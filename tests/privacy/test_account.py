"""Deleting an account: kept for 30 days, then a nameless row where other shops' books need one, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from khata.accounts.models import Device, Member, Passkey, Person, Session, Shop
from khata.core import clock
from khata.core.db import Base, db, transaction
from khata.core.ids import new_id
from khata.ledger.verification import differences
from khata.messages.models import Message
from khata.privacy import erasing
from tests.accounts.conftest import HELPER, accept, link
from tests.client import Browser, sign_in
from tests.factories import dump, picture, upload
from tests.privacy.conftest import OWNER, days_later, erase, files

NAME, LABEL = "Meenakshi Sundaram", "Meenakshis Nokia"


@pytest.fixture
def helper(hire: Callable[..., Browser], owner: Browser) -> Browser:
    """A cashier with a name, a face, a PIN and a passkey, who has written an entry."""
    party = owner.add_party("Ramesh")
    browser = hire("cashier")
    browser.post("/me", {"name": NAME, "lang": "hi", "photo": upload(picture())})
    browser.get("/?lang=en")
    browser.post("/me/pin", {"pin": "4071"}, then="/menu")
    browser.write(party, "gave", "20")
    device = next(form["action"] for form in browser.get("/devices").all("form") if form["action"].count("/") == 2)
    browser.post(device, {"label": LABEL})
    with browser.app.app_context(), transaction():
        person = db.session.scalars(sa.select(Person).where(Person.phone == HELPER)).one()
        person.recovery_hash, person.arrival = b"recovery", {"utm_source": "a quaint poster"}
        places = sa.update(Member).where(Member.person_id == person.id)
        db.session.execute(places.values(wrong_pins=1, wrong_pin_digests="a digest"))
        key = {"id": new_id(), "credential_id": b"key", "public_key": b"public", "sign_count": 0, "label": "Meenas key"}
        db.session.add(Passkey(person_id=person.id, created_at=clock.now(), used_at=clock.now(), **key))
    return browser


def leave(browser: Browser) -> None:
    browser.post("/me/deletion", then="/me/leaving")


def test_it_works(app: Flask, owner: Browser, helper: Browser, left: Callable[..., list[str]], data_dir: Path) -> None:
    assert helper.get("/me").links("/me/deletion")
    assert "Asha Store" in helper.get("/me/deletion").text
    leave(helper)
    with days_later(29):
        erase(app)
        assert "Your account will be deleted on" in helper.get("/me/leaving").text
    assert left(HELPER, NAME) == [HELPER, NAME]
    with days_later(30):
        erase(app)
        assert helper.raw("GET", "/").location == "/sign-in"
        (entry,) = owner.get(owner.get("/").links("/parties/")[0]).links("/entries/")
        assert "Former member, " in owner.get(entry).text
        told = owner.get("/daybook").text
    assert "A member’s account was deleted" in told
    assert "Former member" in told
    assert left(HELPER, "quaint poster", "Meenas key") == []
    assert files(data_dir) == [], "the face is gone"
    with app.app_context():
        (shop,) = db.session.scalars(sa.select(Shop))
        assert list(differences(shop.id, shop.currency)) == [], "the chain holds"
        shell = db.session.scalars(sa.select(Person).where(Person.phone.is_(None))).one()
        assert (shell.name, shell.arrival, shell.recovery_hash, shell.erase_at) == ("", {}, None, None)
        place = db.session.scalars(sa.select(Member).where(Member.person_id == shell.id)).one()
        assert (place.photo_id, place.pin_hash, place.wrong_pin_digests) == (None, None, None)
        assert place.removed_at


def test_the_name_stays_only_where_the_shops_book_wrote_it(
    app: Flask, helper: Browser, left: Callable[..., list[str]]
) -> None:
    """The page says so. The book is the shop's, and its chain would break."""
    assert "so does your name" in helper.get("/me/deletion").text
    leave(helper)
    with days_later(31):
        erase(app)
    with app.app_context():
        found = {table for table, rows in dump().items() if NAME in repr(rows)}
    assert found == {"journal_lines"}
    assert left(HELPER) == []


def test_the_shops_with_no_other_owner_go_too(app: Flask, owner: Browser, hire: Callable[..., Browser]) -> None:
    owner.post("/shops/new", {"name": "Only Mine", "category": "milk"}, then="/")
    owner.add_party("Sita")
    first = next(form["action"] for form in owner.get("/shops").all("form") if form["action"].endswith("/current"))
    owner.post(first, then="/")
    second = hire("owner")
    page = owner.get("/me/deletion").text
    assert "no other owner Only Mine" in page
    assert "go on without you Asha Store" in page
    leave(owner)
    assert "will be deleted" not in second.get("/").text
    with app.app_context():
        closing = db.session.scalars(sa.select(Shop.name).where(Shop.erase_at.is_not(None))).all()
        assert closing == ["Only Mine"]
    with days_later(31):
        erase(app)
        second.add_party("Gita")
        with app.app_context():
            assert db.session.scalars(sa.select(Shop.name)).all() == ["Asha Store"]
            (shop,) = db.session.scalars(sa.select(Shop))
            assert list(differences(shop.id, shop.currency)) == []


def test_who_signs_in_again_may_keep_it_with_its_shops(app: Flask, owner: Browser, visitor: Browser) -> None:
    owner.add_party("Ramesh")
    owner.get("/")
    leave(owner)
    sign_in(visitor, OWNER)
    assert visitor.location == "/"
    for browser in (visitor, owner):
        for url in ("/", "/menu", "/me", "/devices", "/shops"):
            assert browser.raw("GET", url).location == "/me/leaving", url
        browser.post("/parties", {"name": "New"}, then="/me/leaving")
    assert owner.raw("GET", "/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/me/leaving"
    assert visitor.take_out("shop.zip").data
    visitor.get("/privacy")
    visitor.post("/shops/deletion/end", then="/me/leaving")
    page = visitor.get("/me/leaving")
    assert "Your account will be deleted on" in page.text
    visitor.post("/me/deletion/end", then="/")
    assert "Ramesh" in visitor.get("/").text
    assert "will be deleted" not in visitor.get("/").text
    assert visitor.raw("GET", "/me/leaving").location == "/me"
    told = visitor.get("/daybook").text
    for sentence in ("is deleting their account", "keeps their account after all", "The shop is kept after all"):
        assert sentence in told
    with days_later(40):
        erase(app)
        assert "Ramesh" in visitor.get("/").text


def test_keeping_the_account_keeps_no_shop_that_was_to_go_before(app: Flask, owner: Browser) -> None:
    owner.post("/shops/deletion", {"name": "Asha Store"}, then="/")
    with days_later(0):
        leave(owner)
    owner.post("/me/deletion/end", then="/")
    assert "This shop will be deleted on" in owner.get("/").text


def test_signing_out_is_always_possible(owner: Browser) -> None:
    leave(owner)
    owner.post("/sign-out", then="/sign-in")


def test_a_pin_or_an_old_proof_is_not_enough(app: Flask, owner: Browser) -> None:
    with days_later(1):
        for method in ("GET", "POST"):
            assert owner.raw(method, "/me/deletion").location == "/proof"
    with app.app_context():
        assert db.session.scalars(sa.select(Person.erase_at)).all() == [None]


def test_nothing_at_all_stays_of_who_never_was_in_a_shop(
    app: Flask, visitor: Browser, left: Callable[..., list[str]]
) -> None:
    sign_in(visitor, HELPER)
    visitor.post("/me", {"name": NAME, "lang": "en"})
    leave(visitor)
    with days_later(31):
        erase(app)
    assert left(HELPER, NAME) == []
    with app.app_context():
        rows = dump()
    assert {table for table, found in rows.items() if found} == set()


def test_with_their_only_shop_the_row_goes_too(app: Flask, full: Browser, left: Callable[..., list[str]]) -> None:
    """Shop and account fall due together: nobody's book needs the nameless row any more."""
    leave(full)
    with days_later(31):
        erase(app)
    assert left(OWNER, "Asha", "Zulfiqar") == []
    with app.app_context():
        assert {table for table, rows in dump().items() if rows} == set()


def test_the_number_is_free_for_a_new_beginning(app: Flask, helper: Browser, visitor: Browser) -> None:
    leave(helper)
    with days_later(31):
        erase(app)
        sign_in(visitor, HELPER)
        assert visitor.location == "/shops/new"
        assert NAME not in visitor.get("/me").html


def test_a_shop_that_loses_its_last_owner_meanwhile_is_not_left_alone(
    app: Flask, owner: Browser, hire: Callable[..., Browser]
) -> None:
    """Two owners; one asks to be deleted, then the other. The shop goes with the second."""
    second = hire("owner")
    leave(owner)
    assert "no other owner Asha Store" in second.get("/me/deletion").text
    leave(second)
    with app.app_context():
        assert db.session.scalar(sa.select(Shop.erase_at)) is not None


def test_a_face_that_is_also_a_bill_stays(app: Flask, owner: Browser, helper: Browser, data_dir: Path) -> None:
    """A photo is kept once, wherever it is shown."""
    party = owner.get("/").links("/parties/")[0]
    owner.post(f"{party}/entries", {"direction": "gave", "amount": "5", "photo": upload(picture())})
    leave(helper)
    with days_later(31):
        erase(app)
    assert len(files(data_dir)) == 1


def test_codes_and_messages_to_the_number_go(app: Flask, helper: Browser, left: Callable[..., list[str]]) -> None:
    leave(helper)
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).where(Message.recipient == HELPER)) == 1
    with days_later(31):
        erase(app)
    assert left(HELPER) == []


def test_a_device_that_others_use_stays(app: Flask, owner: Browser, visitor: Browser) -> None:
    """And one that only they used goes, unless a shop's book tells of it."""
    sign_in(visitor, HELPER)
    leave(visitor)
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Device)) == 2
    with days_later(31):
        erase(app)
    owner.get("/daybook")
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Device)) == 1
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Session)) == 1


def test_every_table_about_people_is_known() -> None:
    """A new table with a person or a number in it says here how it is erased."""
    assert {table.name for table in erasing.tables_with("person_id")} >= {"members", "sessions", "passkeys"}
    to_people = {
        table.name
        for table in Base.metadata.sorted_tables
        if any(key.column.table.name == "people" for key in table.foreign_keys)
    }
    assert to_people == {table.name for table in erasing.tables_with("person_id")}
    numbered = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name in ("phone", "recipient", "number", "address", "prefix")
    }
    assert numbered - {("plan_parts", "number")} == {  # which part it is, no number of anybody's
        ("people", "phone"), ("sign_in_codes", "phone"), ("sign_in_codes", "prefix"), ("sign_in_codes", "address"),
        ("messages", "recipient"), ("parties", "phone"), ("parties", "address"),
    }  # fmt: skip


def test_the_invitation_of_a_shop_that_goes(owner: Browser, visitor: Browser) -> None:
    """Whoever joins meanwhile sees at once that the shop goes."""
    invitation = link(owner)
    owner.post("/shops/deletion", {"name": "Asha Store"}, then="/")
    sign_in(visitor, HELPER)
    accept(visitor, invitation)
    assert "This shop will be deleted on" in visitor.get("/").text
