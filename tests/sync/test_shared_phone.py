"""A phone that many hands use: each one's outbox goes when it is their turn, and holds no lock open."""

from __future__ import annotations

from flask import Flask

from khata.accounts.models import Member, Person
from khata.core.db import db
from tests.accounts.test_phone import after, counter, ravis, take_over
from tests.client import Browser
from tests.sync.outbox import Outbox, add, whose

__all__ = ["counter", "ravis"]


def outbox_of(app: Flask, browser: Browser, name: str) -> Outbox:
    """The outbox of the member called `name`."""
    box = Outbox(browser)
    query = Member.__table__.select().join(Person, Person.id == Member.person_id).where(Person.name == name)
    with app.app_context():
        box.whose = whose(db.session.execute(query).one().id)
    return box


def test_who_came_by_pin_sends_theirs(app: Flask, ravis: Browser) -> None:
    asha, ravi = (outbox_of(app, ravis, name) for name in ("Asha", "Ravi"))
    waiting = add("Of Asha")
    assert ravi.states(add("Of Ravi")) == ["done"]
    assert asha.post(waiting).status_code == 409, "Asha's wait for Asha"
    take_over(ravis, "Asha", "4071", then="/")
    assert asha.states(waiting) == ["done"]
    assert ravi.post(add()).status_code == 409


def test_a_first_pin_sends_nothing(app: Flask, counter: Browser) -> None:
    """Whoever gave it knows it: nothing may be written in the other's name with it."""
    ravi = outbox_of(app, counter, "Ravi")
    take_over(counter, "Ravi", "8347", then="/me/pin")
    assert ravi.post(add()).location == "/me/pin"


def test_sending_by_itself_keeps_no_phone_open(app: Flask, counter: Browser) -> None:
    asha = outbox_of(app, counter, "Asha")
    with after(seconds=200):
        assert asha.states(add()) == ["done"]
        assert counter.raw("GET", "/sync/parties").status_code == 200
    with after(seconds=310):
        assert asha.post(add()).location == "/unlock"
