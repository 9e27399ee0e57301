"""Sessions: opaque, ended at sign-out, worth nothing when tampered with."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from khata.accounts.models import Device, Session
from khata.core import clock
from khata.core.db import db
from khata.journal.models import JournalLine
from tests.client import Browser, sign_in


def cookie(browser: Browser, name: str = "khata_session") -> str:
    found = browser.client.get_cookie(name)
    assert found is not None
    return found.value


def test_it_works(owner: Browser) -> None:
    assert len(cookie(owner)) >= 40
    owner.get("/menu")
    owner.post("/sign-out", then="/sign-in")
    assert owner.client.get_cookie("khata_session") is None
    owner.get("/menu", status=303)


def test_a_stolen_cookie_ends_with_sign_out(app: Flask, owner: Browser) -> None:
    thief = Browser(app)
    thief.client.set_cookie("khata_session", cookie(owner))
    thief.get("/")
    owner.post("/sign-out")
    thief.get("/", status=303)
    thief.post("/parties", {"name": "Late"}, then="/sign-in")


@pytest.mark.parametrize("value", ["", "x", "A" * 43, "a" * 5000, "' OR 1=1 --", "%00", "🙂"])
def test_a_made_up_cookie(visitor: Browser, value: str) -> None:
    visitor.raw("GET", "/", headers={"Cookie": f"khata_session={value}".encode().decode("latin-1")})
    answer = visitor.raw("GET", "/menu", headers={"Cookie": f"khata_session={value}".encode().decode("latin-1")})
    assert answer.status_code == 303


def test_a_tampered_cookie(owner: Browser) -> None:
    token = cookie(owner)
    owner.client.set_cookie("khata_session", token[:-1] + ("A" if token[-1] != "A" else "B"))
    owner.get("/", status=303)


def test_the_visits_cookie_is_signed(visitor: Browser) -> None:
    visitor.post("/sign-in", {"phone": "+919876500001"})
    content, _dot, signature = cookie(visitor, "khata_visit").partition(".")
    visitor.client.set_cookie("khata_visit", f"{content[:-2]}AA.{signature}")
    visitor.get("/sign-in/code", status=303)


@pytest.mark.parametrize("value", ["", "not-a-uuid", "00000000-0000-0000-0000-000000000000"])
def test_a_strange_device_cookie(visitor: Browser, value: str) -> None:
    visitor.client.set_cookie("khata_device", value)
    sign_in(visitor, "+919876500001")
    assert cookie(visitor, "khata_device") != value


def test_the_same_browser_stays_the_same_device(owner: Browser) -> None:
    device = cookie(owner, "khata_device")
    owner.post("/sign-out")
    sign_in(owner, "+919876543210")
    assert cookie(owner, "khata_device") == device
    with owner.app.app_context(), db.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(Device)) == 1


def test_signing_in_again_ends_the_session_before(app: Flask, owner: Browser) -> None:
    before = cookie(owner)
    sign_in(owner, "+919876543210")
    assert cookie(owner) != before
    thief = Browser(app)
    thief.client.set_cookie("khata_session", before)
    thief.get("/", status=303)


def test_a_session_unused_for_half_a_year_has_ended(owner: Browser) -> None:
    start = clock.now()
    with time_machine.travel(start + timedelta(days=179)):
        owner.get("/")
    with time_machine.travel(start + timedelta(days=358)):
        owner.get("/")  # it was seen in between
    with time_machine.travel(start + timedelta(days=539)):
        owner.get("/", status=303)


def test_being_seen_is_written_once_an_hour(owner: Browser) -> None:
    def seen() -> object:
        with owner.app.app_context(), db.engine.connect() as connection:
            return connection.scalar(sa.select(Session.last_seen_at))

    first = seen()
    owner.get("/")
    assert seen() == first
    with time_machine.travel(clock.now() + timedelta(minutes=61)):
        owner.get("/")
        later = seen()
        assert later != first
        owner.get("/menu")
        assert seen() == later


def test_a_write_may_be_what_is_seen(owner: Browser) -> None:
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        party = owner.add_party()
        owner.write(party, "gave", "5")


def test_name_and_language_of_a_person(owner: Browser) -> None:
    owner.post("/me", {"name": " Asha  Patil ", "lang": "hi"}, then="/menu")
    page = owner.get("/me")
    assert page.hidden("name") == "Asha Patil"
    assert page.all("html")[0]["lang"] == "hi"
    with owner.app.app_context(), db.engine.connect() as connection:
        line = connection.execute(sa.select(JournalLine.__table__).where(JournalLine.kind == "member.named")).one()
        assert json.loads(line.payload) == {"name": "Asha Patil"}
        assert line.device_id is not None


@pytest.mark.parametrize(("name", "lang"), [("", "en"), ("x" * 200, "en"), ("Asha", "xx"), ("\u202e", "hi")])
def test_a_bad_name_or_language(owner: Browser, name: str, lang: str) -> None:
    page = owner.post("/me", {"name": name, "lang": lang}, status=422)
    assert page.hidden("name") == name
    assert any(span.get("class") == "err" for span in page.all("span"))


def test_who_deleted_is_told_by_name(owner: Browser) -> None:
    party = owner.add_party()
    entry = owner.write(party, "gave", "5").links("/entries/")[0]
    owner.post(f"{entry}/deletion")
    assert "Deleted by +91 98765 43210" in owner.get(party).text
    owner.post("/me", {"name": "Asha", "lang": "en"})
    assert "Deleted by Asha" in owner.get(party).text


def test_who_runs_the_installation_ends_sessions(app: Flask, owner: Browser, stranger: Browser) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(args=["sign-out"]).exit_code == 2
    assert runner.invoke(args=["sign-out", "--phone", "+919876543210", "--all"]).exit_code == 2
    assert runner.invoke(args=["sign-out", "--phone", "+919876543210"]).output == "1 sessions ended\n"
    owner.get("/menu", status=303)
    stranger.get("/menu")
    assert runner.invoke(args=["sign-out", "--all"]).output == "1 sessions ended\n"
    stranger.get("/menu", status=303)
