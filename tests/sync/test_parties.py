"""The list of parties that a phone keeps, and the number by which it knows that the list is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import brotli
import pytest
import time_machine
from flask import Flask

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import transaction
from khata.parties import actions as parties
from khata.parties.actions import Details
from khata.sync import queries
from khata.sync.checksum import checksum
from tests.accounts.conftest import HELPER, place
from tests.client import Browser
from tests.sync.outbox import OWNER, Outbox, add, entry, operation, place_of

VECTORS = json.loads(Path(__file__).with_name("checksum.json").read_text("utf-8"))


def told(browser: Browser) -> dict[str, Any]:
    """The list as it is given."""
    answer = browser.raw("GET", "/sync/parties")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    listed: dict[str, Any] = answer.get_json()
    return listed


def fill(app: Flask, count: int) -> None:
    """Add parties as an import does, at once."""
    shop = Actor(*place_of(app, OWNER))
    chance = Random(1)
    names = ("Ramesh Kumar", "Sita Devi", "राजेश किराना", "Abdul Rahman", "Lakshmi Stores")
    added = [
        (
            UUID(int=chance.getrandbits(128)),
            "customer",
            Details(f"{chance.choice(names)} {number}", f"+919{chance.randrange(10**9):09}"),
        )
        for number in range(count)
    ]
    with app.app_context(), transaction():
        parties.add_parties(shop, added)


def test_it_works(owner: Browser, outbox: Outbox) -> None:
    empty = told(owner)
    assert (empty["parties"], empty["whole"], empty["checksum"]) == ([], True, 0)
    one, two, gone = add("One", phone="98765 00001"), add("Two", kind="supplier"), add("Gone")
    with time_machine.travel(clock.now(), tick=False) as now:
        outbox.send(one, two, gone, operation("party.delete", gone["subject"]))
        now.shift(timedelta(seconds=1))
        sent = outbox.ask(entry(one["subject"], "gave", "50"), more=",1")
    listed = told(owner)
    assert listed["parties"] == [
        [one["subject"], "One", "+919876500001", "customer", 5000],
        [two["subject"], "Two", None, "supplier", 0],
    ]
    assert (listed["seq"], listed["whole"]) == (sent["seq"], True)
    assert listed["checksum"] == sent["checksum"] == checksum([(UUID(one["subject"]), 5000), (UUID(two["subject"]), 0)])


def test_nothing_new_costs_no_bytes(owner: Browser, outbox: Outbox) -> None:
    outbox.send(add())
    tag = owner.raw("GET", "/sync/parties").headers["ETag"]
    answer = owner.raw("GET", "/sync/parties", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", tag)
    outbox.send(operation("cash.record", fields={"direction": "in", "amount": "5"}))
    answer = owner.raw("GET", "/sync/parties", headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag


def test_a_tag_is_of_one_shop_and_one_sight(owner: Browser, stranger: Browser, hire: Callable[..., Browser]) -> None:
    helper = hire("cashier")
    owner.post(place(owner), {"role": "cashier", "may": ["see_parties", "record"]})
    tags = {browser.raw("GET", "/sync/parties").headers["ETag"] for browser in (owner, stranger, helper)}
    assert len(tags) == 3


def test_who_may_not_see_balances_gets_names(owner: Browser, outbox: Outbox, hire: Callable[..., Browser]) -> None:
    one = add("One", phone="98765 00001")
    outbox.send(one, entry(one["subject"], "gave", "50"))
    helper = hire("cashier")
    owner.post(place(owner), {"role": "cashier", "may": ["see_parties", "record"]})
    listed = told(helper)
    assert listed["parties"] == [[one["subject"], "One", None, "customer", None]]
    assert listed["checksum"] is None
    owner.post(place(owner), {"role": "cashier", "may": ["record"]})
    assert helper.raw("GET", "/sync/parties").status_code == 403
    assert Outbox(helper, HELPER).states(entry(one["subject"], "gave", "5")) == ["done"]


def test_another_shops_parties_are_not_in_it(owner: Browser, stranger: Browser) -> None:
    stranger.add_party("Theirs")
    assert told(owner)["parties"] == []


def test_a_phone_keeps_no_more_than_it_can(
    app: Flask, owner: Browser, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the shop has more parties than that, the phone has not all of them, and there is nothing to compare."""
    fill(app, 30)
    assert outbox.ask(more=",1")["checksum"] == told(owner)["checksum"] != 0
    monkeypatch.setattr(queries, "PHONE_KEEPS", 29)
    listed = told(owner)
    assert (len(listed["parties"]), listed["whole"], listed["checksum"]) == (29, False, None)
    assert outbox.ask(more=",1")["checksum"] is None
    monkeypatch.setattr(queries, "PHONE_KEEPS", 30)
    assert (len(told(owner)["parties"]), told(owner)["whole"]) == (30, True)


def test_five_hundred_parties_stay_small(app: Flask, owner: Browser) -> None:
    """Of random bytes an id has up to 16, a number four: below ten thousand for five hundred no list goes."""
    fill(app, 500)
    answer = owner.raw("GET", "/sync/parties", headers={"Accept-Encoding": "br"})
    assert len(json.loads(brotli.decompress(answer.data))["parties"]) == 500
    assert len(answer.data) <= 16_500


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_checksum_is_the_agreed_one(vector: dict[str, Any]) -> None:
    """The phone's own code is held against the same file."""
    balances = [(UUID(party_id), minor) for party_id, minor in vector["parties"]]
    assert checksum(balances) == checksum(reversed(balances)) == vector["checksum"]
    assert 0 <= vector["checksum"] < 2**48


def test_any_one_balance_changes_it() -> None:
    (many,) = (vector for vector in VECTORS if len(vector["parties"]) == 100)
    balances = [(UUID(party_id), minor) for party_id, minor in many["parties"]]
    changed = [
        checksum([*balances[:at], (party_id, minor + 1), *balances[at + 1 :]])
        for at, (party_id, minor) in enumerate(balances)
    ]
    assert len({*changed, many["checksum"]}) == 101
