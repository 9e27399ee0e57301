"""A photo that comes after its entry, as a phone's outbox sends it: it belongs to what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from khata.accounts.permissions import ROLES
from khata.accounts.queries import all_shops
from khata.core import clock
from khata.core.db import db
from khata.core.ids import new_id
from khata.journal.models import JournalLine
from khata.ledger.verification import differences
from tests.accounts.conftest import hire, place
from tests.client import Browser
from tests.factories import dump, large_upload, picture, upload

__all__ = ["hire"]
JSON = {"Accept": "application/json"}
BILL, OTHER, THIRD = picture(), picture(size=(9, 9)), picture(size=(8, 8))


@pytest.fixture
def party(owner: Browser) -> str:
    """A party."""
    return owner.add_party("Ramesh")


@pytest.fixture
def entry(owner: Browser, party: str) -> str:
    """An entry of 50 without a photo."""
    return owner.write(party, "gave", "50", note="rice").links("/entries/")[0]


def send(browser: Browser, entry: str, content: bytes = BILL, **headers: str) -> TestResponse:
    """As the outbox does it."""
    form = {"photo": upload(content, "photo.jpg")}
    return browser.raw("POST", f"{entry}/photo", data=form, headers={**JSON, **headers})


def shown(browser: Browser, entry: str) -> list[str]:
    """The addresses of the entry's photo."""
    return [image["src"] for image in browser.get(entry).all("img")]


def told(answer: TestResponse) -> tuple[int, str]:
    """(status, code) of a refusal."""
    return answer.status_code, answer.get_json()["code"]


def faults(app: Flask) -> list[str]:
    with app.app_context():
        return [found for shop in all_shops() for found in differences(shop.id, shop.currency)]


def switch(owner: Browser, role: str, may: Iterable[str]) -> None:
    """Let the helper be of `role` and do what `may` says."""
    owner.post(place(owner), {"role": role, "may": sorted(may)}, then="/members")


def tomorrow() -> Any:
    return time_machine.travel(clock.now() + timedelta(days=1), tick=True)


def test_it_works(app: Flask, owner: Browser, party: str, entry: str) -> None:
    answer = send(owner, entry)
    assert (answer.status_code, answer.data) == (204, b"")
    (photo,) = shown(owner, entry)
    with owner.raw("GET", photo) as picture_:
        assert picture_.mimetype == "image/jpeg"
    page = owner.get(party)
    assert "You will get ₹50" in page.text
    assert "Photo" in page.text
    page = owner.get(entry)
    assert (page.hidden("version"), page.hidden("amount"), page.hidden("note")) == ("2", "50.00", "rice")
    assert "Edited" in page.text
    assert "Ramesh: changed to “you gave ₹50”" in owner.get("/daybook").text
    assert faults(app) == []


def test_without_script_the_entry_is_shown(owner: Browser, entry: str) -> None:
    owner.post(f"{entry}/photo", {"photo": upload(BILL)}, then=entry)
    assert len(shown(owner, entry)) == 1


def test_sent_again_it_is_there_already(app: Flask, owner: Browser, entry: str) -> None:
    send(owner, entry)
    with app.app_context():
        before = dump()
    assert send(owner, entry).status_code == 204
    owner.post(f"{entry}/photo", {"photo": upload(BILL, "another name.png")}, then=entry)
    with app.app_context():
        assert dump() == before


def test_another_one_takes_its_place(owner: Browser, entry: str) -> None:
    send(owner, entry)
    first = shown(owner, entry)
    assert send(owner, entry, OTHER).status_code == 204
    assert shown(owner, entry) != first


def test_one_that_comes_again_late_does_not_undo_the_next(owner: Browser, entry: str) -> None:
    """The phone heard no answer; meanwhile somebody chose a better photo."""
    send(owner, entry)
    send(owner, entry, OTHER)
    better = shown(owner, entry)
    assert send(owner, entry).status_code == 204
    assert shown(owner, entry) == better


def test_whatever_the_version_is(owner: Browser, party: str, entry: str) -> None:
    owner.post(entry, {"direction": "gave", "amount": "60", "version": "1"}, then=party)
    assert send(owner, entry).status_code == 204
    assert "You will get ₹60" in owner.get(party).text
    owner.post(entry, {"direction": "gave", "amount": "70", "version": "2"}, status=409)
    owner.post(entry, {"direction": "gave", "amount": "70", "version": "3"}, then=party)
    assert len(shown(owner, entry)) == 1


def test_a_settlement_stays_one(app: Flask, owner: Browser, party: str, entry: str) -> None:
    owner.post(f"{party}/settlement", {"id": str(new_id()), "expected_minor": "5000"}, then=party)
    newest = owner.get(party).links("/entries/")[0]
    assert send(owner, newest).status_code == 204
    assert "Settled up" in owner.get(party).text
    assert faults(app) == []


def test_what_is_refused_says_why_and_leaves_nothing(owner: Browser, entry: str, data_dir: Path) -> None:
    kept = set((data_dir / "photos").rglob("*.jpg"))
    assert told(owner.raw("POST", f"{entry}/photo", headers=JSON)) == (422, "no_photo")
    assert told(send(owner, entry, b"hello")) == (422, "not_a_photo")
    large = owner.raw("POST", f"{entry}/photo", headers=JSON, **large_upload(bytes(13 * 2**20)))
    assert told(large) == (422, "photo_too_large")
    assert told(send(owner, f"/entries/{new_id()}")) == (404, "not_found")
    assert "not a photo" in owner.post(f"{entry}/photo", {"photo": upload(b"hello")}, status=422).text
    owner.post(f"{entry}/deletion")
    answer = send(owner, entry, THIRD)
    assert told(answer) == (422, "entry_deleted")
    assert answer.get_json()["message"] == "This entry was deleted. Restore it first."
    assert set((data_dir / "photos").rglob("*.jpg")) == kept


def test_it_is_said_in_the_persons_language(owner: Browser, entry: str) -> None:
    owner.post("/me", {"name": "Asha", "lang": "hi"})
    assert send(owner, entry, b"hello").get_json()["message"].startswith("यह फ़ोटो")


def test_one_that_is_there_already_is_so_after_a_deletion(owner: Browser, entry: str) -> None:
    send(owner, entry)
    owner.post(f"{entry}/deletion")
    assert send(owner, entry).status_code == 204


def test_of_a_deleted_party(owner: Browser, party: str, entry: str) -> None:
    owner.write(party, "got", "50")
    owner.post(f"{party}/deletion")
    assert told(send(owner, entry)) == (422, "party_deleted")


def test_of_another_shop(owner: Browser, stranger: Browser, entry: str) -> None:
    assert told(send(stranger, entry)) == (404, "not_found")
    assert shown(owner, entry) == []


def test_it_is_no_sign_that_somebody_is_there(app: Flask, owner: Browser, entry: str) -> None:
    """On a phone that locks, what the outbox sends by itself must not keep it open."""
    owner.post("/phones", {"lock_seconds": "60"})
    with time_machine.travel(clock.now(), tick=False) as time:
        owner.get("/")
        for _time in range(3):
            time.shift(25)
            answer = send(owner, entry)
        assert (answer.status_code, answer.location) == (303, "/unlock")


# who may


@pytest.fixture
def own(owner: Browser, party: str, hire: Callable[..., Browser]) -> tuple[Browser, str]:
    """A cashier, and an entry that they wrote today."""
    cashier = hire("cashier")
    return cashier, cashier.write(party, "gave", "7").links("/entries/")[0]


def test_their_own_of_today(own: tuple[Browser, str]) -> None:
    cashier, entry = own
    assert send(cashier, entry).status_code == 204
    assert send(cashier, entry, OTHER).status_code == 204


def test_the_first_photo_of_their_own_whatever_day(app: Flask, own: tuple[Browser, str]) -> None:
    """They wrote at night, and the network came back in the morning."""
    cashier, entry = own
    with tomorrow():
        (form,) = [form for form in cashier.get(entry).all("form") if form["action"] == f"{entry}/photo"]
        assert form["enctype"] == "multipart/form-data"
        assert cashier.raw("POST", entry, data={"direction": "gave", "amount": "8", "version": "1"}).status_code == 403
        assert send(cashier, entry).status_code == 204
        assert send(cashier, entry).status_code == 204, "the answer was lost"
        assert told(send(cashier, entry, OTHER)) == (409, "has_photo")
        page = cashier.get(entry)
        assert len(page.all("img")) == 1
        assert not [form for form in page.all("form") if form["action"] == f"{entry}/photo"]
    assert faults(app) == []


def test_not_after_somebody_else_gave_it_one(owner: Browser, own: tuple[Browser, str]) -> None:
    cashier, entry = own
    send(owner, entry, OTHER)
    chosen = shown(owner, entry)
    with tomorrow():
        assert told(send(cashier, entry)) == (409, "has_photo")
    assert shown(owner, entry) == chosen


def test_nor_of_what_another_wrote(owner: Browser, own: tuple[Browser, str], entry: str) -> None:
    cashier, _entry = own
    assert told(send(cashier, entry)) == (403, "forbidden")
    assert told(send(cashier, entry, b"hello")) == (403, "forbidden")
    assert not [form for form in cashier.get(entry).all("form") if form["action"] == f"{entry}/photo"]
    assert shown(owner, entry) == []


def test_who_may_not_change_their_own_may_still_add_its_photo(owner: Browser, own: tuple[Browser, str]) -> None:
    cashier, entry = own
    switch(owner, "cashier", ROLES["cashier"] - {"edit_own_today"})
    assert send(cashier, entry).status_code == 204
    assert told(send(cashier, entry, OTHER)) == (409, "has_photo")


def test_who_may_no_longer_write_adds_nothing(owner: Browser, own: tuple[Browser, str]) -> None:
    cashier, entry = own
    switch(owner, "cashier", ROLES["cashier"] - {"record"})
    assert told(send(cashier, entry)) == (403, "forbidden")
    assert f"{entry}/photo" not in cashier.get(entry).html


def test_a_manager_adds_and_replaces_any(hire: Callable[..., Browser], entry: str) -> None:
    manager = hire("manager")
    with tomorrow():
        assert send(manager, entry).status_code == 204
        assert send(manager, entry, OTHER).status_code == 204


def test_who_sees_no_balances_adds_to_their_own_unseen(
    owner: Browser, own: tuple[Browser, str], party: str, entry: str
) -> None:
    cashier, theirs = own
    switch(owner, "cashier", ROLES["cashier"] - {"see_balances"})
    assert told(send(cashier, entry)) == (404, "not_found")
    with tomorrow():
        cashier.get(theirs, 404)
        cashier.post(f"{theirs}/photo", {"photo": upload(BILL)}, then=party)
        assert send(cashier, theirs).status_code == 204
        assert told(send(cashier, theirs, OTHER)) == (409, "has_photo")
    assert len(shown(owner, theirs)) == 1


def test_a_manager_who_does_not_see_it_does_not_change_it(
    owner: Browser, hire: Callable[..., Browser], entry: str
) -> None:
    manager = hire("manager")
    switch(owner, "manager", ROLES["manager"] - {"see_balances"})
    assert told(send(manager, entry)) == (404, "not_found")


def test_the_time_that_the_phone_tells_is_kept(app: Flask, owner: Browser, entry: str) -> None:
    at = clock.milliseconds(clock.now() - timedelta(hours=9))
    form = {"photo": upload(BILL), "at": str(at)}
    assert owner.raw("POST", f"{entry}/photo", data=form, headers=JSON).status_code == 204
    query = sa.select(JournalLine.kind, JournalLine.happened_at).order_by(JournalLine.seq.desc()).limit(1)
    with app.app_context():
        assert db.session.execute(query).one() == ("entry.edited", clock.EPOCH + timedelta(milliseconds=at))
