"""Who may work at one time: few of those that take long, few bodies of one address."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from khata.errors import Busy
from khata.web import turns
from khata.web.turns import Bodies, takes_long
from tests.client import Browser
from tests.factories import upload


@pytest.fixture
def all_taken() -> Iterator[None]:
    """As many as may be are in a view that takes long."""
    inside, leave = threading.Barrier(turns.AT_LENGTH + 1), threading.Event()

    @takes_long
    def wait() -> None:
        inside.wait(10)
        leave.wait(10)

    threads = [threading.Thread(target=wait) for _number in range(turns.AT_LENGTH)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    yield
    leave.set()
    for thread in threads:
        thread.join(10)


def lists(owner: Browser) -> list[int]:
    """The statuses of what takes long."""
    taken_in = owner.raw("POST", "/imports", data={"file": upload(b"name\nAsha\n", "list.csv"), "format": "csv"})
    asked = owner.raw("POST", "/exports", data={"file": "parties.csv"})
    with owner.raw("GET", asked.location) as taken_out:
        return [taken_in.status_code, taken_out.status_code]


def test_one_too_many_that_takes_long_is_told_so(owner: Browser, request: pytest.FixtureRequest) -> None:
    assert lists(owner) == [303, 200]
    request.getfixturevalue("all_taken")
    assert lists(owner) == [503, 503]
    assert "Wait a little" in owner.raw("POST", "/imports", data={"file": upload(b"x")}).get_data(as_text=True)
    owner.write(owner.add_party(), "gave", "5")


def test_a_fault_gives_its_place_back(owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("khata.imports.views._written", lambda _name: 1 / 0)
        for _time in range(turns.AT_LENGTH + 1):
            assert lists(owner)[1] == 500
    assert lists(owner) == [303, 200]


def hold(bodies: Bodies, address: str, count: int, then: Callable[[], None]) -> None:
    """Call `then` while `count` bodies of an address are on their way in."""
    if not count:
        return then()
    with bodies.one_of(address):
        return hold(bodies, address, count - 1, then)


def test_bodies_of_an_address_and_of_all() -> None:
    bodies = Bodies()

    def refused(address: str) -> None:
        with pytest.raises(Busy), bodies.one_of(address):
            pass

    def others() -> None:
        refused("a")
        hold(bodies, "b", turns.MOST_BODIES_OF_AN_ADDRESS, more)

    def more() -> None:
        hold(bodies, "c", turns.MOST_BODIES - 2 * turns.MOST_BODIES_OF_AN_ADDRESS, lambda: refused("d"))

    hold(bodies, "a", turns.MOST_BODIES_OF_AN_ADDRESS, others)
    hold(bodies, "a", turns.MOST_BODIES_OF_AN_ADDRESS, lambda: None)
    assert not bodies._by_address


def test_whoever_waits_for_a_body_lets_others_work(app: Flask) -> None:
    """All turns taken by senders that are slow, and somebody else is answered."""
    layer = turns.Turns(app.wsgi_app)
    for _number in range(turns.AT_WORK):
        layer._turns.acquire()
    assert not layer._turns.acquire(blocking=False)
    with layer.waiting_for_body("a"):
        assert layer._turns.acquire(blocking=False)
        layer._turns.release()
    assert not layer._turns.acquire(blocking=False)
