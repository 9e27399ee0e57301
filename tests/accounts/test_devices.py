"""Where somebody is signed in, and how that ends from afar."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from khata.core import clock
from tests.client import Browser, sign_in

PHONE = "+919876543210"


@pytest.fixture
def lost(app: Flask, owner: Browser) -> Browser:
    """The owner's other phone."""
    phone = Browser(app, **{"User-Agent": "Mozilla/5.0 (Linux; Android 9)"})
    sign_in(phone, PHONE)
    return phone


def other_device(owner: Browser) -> str:
    """The address of the device that is not this one."""
    page = owner.get("/devices")
    (address,) = re.findall(r'action="(/devices/[0-9a-f-]{36})/sign-out"', page.html)
    return address


def test_it_works(owner: Browser, lost: Browser) -> None:
    assert "Android" in owner.get("/devices").text
    owner.post(other_device(owner) + "/sign-out", then="/devices")
    assert "Android" not in owner.get("/devices").text
    assert lost.raw("GET", "/").location == "/sign-in", "the very next request is refused"
    owner.get("/")


def test_everywhere_else_at_once(app: Flask, owner: Browser, lost: Browser) -> None:
    third = Browser(app)
    sign_in(third, PHONE)
    owner.post("/devices/sign-out", then="/devices")
    assert [browser.raw("GET", "/").status_code for browser in (owner, lost, third)] == [200, 303, 303]


def test_a_kept_page_is_not_given_after_the_end(owner: Browser, lost: Browser) -> None:
    party = lost.add_party("Ramesh")
    lost.get(party)
    lost.get(party)
    owner.post(other_device(owner) + "/sign-out")
    assert lost.raw("GET", party).location == "/sign-in"


def test_a_device_has_a_name_and_what_is_written_on_it_carries_it(owner: Browser, lost: Browser) -> None:
    owner.post("/me", {"name": "Asha", "lang": "en"})
    owner.post(other_device(owner), {"label": "Counter phone"}, then="/devices")
    party = lost.add_party("Ramesh")
    lost.write(party, "gave", "20")
    (entry,) = lost.get(party).links("/entries/")
    assert "Asha, Counter phone" in owner.get(entry).text
    assert "Counter phone" in owner.get("/devices").text


@pytest.mark.parametrize("label", ["", "   ", "x" * 200])
def test_a_bad_name_is_refused(owner: Browser, lost: Browser, label: str) -> None:
    page = owner.post(other_device(owner), {"label": label}, status=422)
    assert [span for span in page.all("span") if span.get("class") == "err"]


def test_somebody_elses_device_is_not_there(owner: Browser, lost: Browser, stranger: Browser) -> None:
    address = other_device(owner)
    stranger.post(address, {"label": "Mine"}, status=404)
    stranger.post(address + "/sign-out", status=404)
    lost.get("/")


def test_an_old_session_is_not_listed(owner: Browser, lost: Browser) -> None:
    with time_machine.travel(clock.now() + timedelta(days=170), tick=True):
        owner.get("/")
    with time_machine.travel(clock.now() + timedelta(days=190), tick=True):
        assert "Android" not in owner.get("/devices").text


def test_without_a_shop(visitor: Browser, open_shop: Callable[..., Browser]) -> None:
    sign_in(visitor, "+919876500077")
    assert "This device" in visitor.get("/devices").text


def test_ending_sessions_asks_who_it_is(owner: Browser, lost: Browser) -> None:
    address = other_device(owner)
    with time_machine.travel(clock.now() + timedelta(minutes=20), tick=True):
        owner.post(address + "/sign-out", then="/proof")
        owner.post("/devices/sign-out", then="/proof")
        lost.get("/")
