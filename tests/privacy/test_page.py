"""The page of what is kept, and that its promises are those of the code."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from khata.accounts import codes, sessions
from khata.accounts.models import SignInCode
from khata.core.db import db
from khata.imports.models import Import
from khata.messages.models import Message
from khata.privacy import actions, retention
from khata.web import cookies
from tasks import privacy
from tasks.schedule import SCHEDULE
from tests.client import Browser
from tests.factories import picture, upload
from tests.privacy.conftest import days_later, files


def test_it_works(visitor: Browser, owner: Browser) -> None:
    assert visitor.get("/sign-in").links("/privacy")
    assert owner.get("/menu").links("/privacy")
    for browser in (visitor, owner):
        assert "contacts are never uploaded whole" in browser.get("/privacy").text


def test_the_numbers_are_those_of_the_code(visitor: Browser) -> None:
    page = visitor.get("/privacy").text
    assert f"Sign-in codes, with the internet address that asked for them: {codes.CODES_KEPT.days} days" in page
    assert f"Files that you bring in: {retention.IMPORTS_KEPT.days} days" in page
    assert f"put to no entry: {retention.SHARED_KEPT.days} days" in page
    assert f"signed out after {sessions.RESTS.days} days" in page
    assert f"For {actions.CHANGE_OF_MIND.days} days you can change your mind" in page
    assert retention.MESSAGES_KEPT <= codes.CODES_KEPT, "a code's message goes with the code"
    assert timedelta(days=30) == actions.CHANGE_OF_MIND


def test_every_cookie_is_told() -> None:
    """Session, device, language, order of the list, and how somebody came: a sixth one must be told on the page."""
    named = {name for name, value in vars(cookies).items() if isinstance(value, str) and value.startswith("khata_")}
    assert named == {"SESSION", "DEVICE", "LANG", "SORT", "VISIT"}


def test_contacts_come_one_by_one() -> None:
    """The picker of the browser is asked for one, and is given nothing but name and number."""
    text = (Path(__file__).resolve().parents[2] / "static" / "js" / "parts" / "contacts.js").read_text("utf-8")
    (asked,) = re.findall(r"contacts\.select\(([^;]*)\)", text)
    assert "multiple" not in asked


def test_it_runs_by_itself() -> None:
    by_name = {name: when for name, _function, when in SCHEDULE}
    assert by_name.keys() >= {"erase_due", "forget_old", "forget_codes"}


@pytest.mark.parametrize(("days", "is_kept"), [(6, True), (8, False)])
def test_codes_and_their_messages_are_forgotten(app: Flask, owner: Browser, days: int, is_kept: bool) -> None:
    from tasks.schedule import forget_codes

    with days_later(days), app.app_context():
        forget_codes()
        privacy.forget_old()
        for table in (SignInCode, Message):
            assert bool(db.session.scalar(sa.select(sa.func.count()).select_from(table))) == is_kept


def test_a_message_that_waits_is_not_forgotten(app: Flask, owner: Browser) -> None:
    with app.app_context():
        db.session.execute(sa.update(Message).values(state="queued"))
        db.session.commit()
    with days_later(8), app.app_context():
        privacy.forget_old()
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Message)) == 1


@pytest.mark.parametrize(("days", "is_kept"), [(1, True), (3, False)])
def test_shared_photos_are_forgotten_but_for_those_in_the_book(
    app: Flask, owner: Browser, data_dir: Path, days: int, is_kept: bool
) -> None:
    owner.post("/share", {"photo": upload(picture())})
    page = str(owner.location)
    used = {"direction": "gave", "amount": "5", "shared": page.rpartition("/")[2]}
    party = owner.add_party()
    owner.post(f"{party}/entries", used, then=party)
    with days_later(days):
        with app.app_context():
            privacy.forget_old()
        owner.get(page, status=200 if is_kept else 404)
        assert bool([path for path in files(data_dir) if "shared" in path.parts]) == is_kept
        (bill,) = owner.get(owner.get(party).links("/entries/")[0]).all("img")
        with owner.raw("GET", bill["src"]) as answer:
            assert answer.mimetype == "image/jpeg"


@pytest.mark.parametrize(("days", "is_kept"), [(29, True), (31, False)])
def test_files_that_were_brought_in_are_forgotten(
    app: Flask, owner: Browser, data_dir: Path, days: int, is_kept: bool
) -> None:
    """What they wrote into the book stays."""
    owner.post("/imports", {"file": upload(b"name,phone\nAsha,9876500002\n", "list.csv"), "format": "csv"})
    page = str(owner.location)
    owner.post(f"{page}/rows")
    with days_later(days):
        with app.app_context():
            privacy.forget_old()
            assert bool(db.session.scalar(sa.select(sa.func.count()).select_from(Import))) == is_kept
        assert bool(files(data_dir)) == is_kept
        owner.get(page, status=200 if is_kept else 404)
        assert "Asha" in owner.get("/").text
