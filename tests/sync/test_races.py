"""Two phones, or one that did not hear the answer, at the same moment."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask

from khata.core.actor import Actor
from tests.client import Browser, sign_in
from tests.factories import faults
from tests.sync.outbox import OWNER, Operation, Outbox, add, edit, entry, operation, place_of

PHONES = 4


@pytest.fixture
def phones(app: Flask, owner: Browser) -> list[Outbox]:
    """Several phones that the owner is signed in on."""
    browsers = [owner, *(Browser(app) for _number in range(PHONES - 1))]
    for browser in browsers[1:]:
        sign_in(browser, OWNER)
    return [Outbox(browser) for browser in browsers]


def race(phones: list[Outbox], requests: list[list[Operation]]) -> list[list[dict[str, Any]]]:
    """What each phone is told that sends its request at the same moment as the others."""
    told: dict[int, list[dict[str, Any]]] = {}
    gate = threading.Barrier(len(phones))

    def run(number: int) -> None:
        gate.wait(10)
        told[number] = phones[number].send(*requests[number])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(phones))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [told[number] for number in range(len(phones))]


def test_the_same_operations_at_once_are_done_once(owner: Browser, phones: list[Outbox]) -> None:
    new = add()
    sent = [new, *(entry(new["subject"], "gave", "1") for _number in range(20))]
    told = race(phones, [sent] * PHONES)
    for number in range(len(sent)):
        assert {results[number]["status"] for results in told} == {"done"}
        assert len({results[number]["seq"] for results in told}) == 1
    assert "You will get ₹20" in owner.get(f"/parties/{new['subject']}").text


def test_of_edits_at_once_one_is_done_and_the_others_see_it(owner: Browser, phones: list[Outbox]) -> None:
    new = add()
    first = entry(new["subject"], "gave", "50")
    phones[0].send(new, first)
    told = [results[0] for results in race(phones, [[edit(first, f"{60 + number}")] for number in range(PHONES)])]
    assert sorted(result["status"] for result in told) == ["conflict"] * (PHONES - 1) + ["done"]
    (won,) = (number for number, result in enumerate(told) if result["status"] == "done")
    for result in told:
        if result["status"] == "conflict":
            assert (result["current"]["version"], result["current"]["amount"]) == (2, f"{60 + won}.00")
    assert f"You will get ₹{60 + won}" in owner.get(f"/parties/{new['subject']}").text


def test_refused_and_done_ones_of_several_phones_leave_a_whole_book(app: Flask, phones: list[Outbox]) -> None:
    """Every refusal goes back to its savepoint: the journal's end must be what the book has, on each phone's turn."""
    party = add("Ramesh", phone="98765 00001")
    phones[0].send(party)

    def mixed() -> list[Operation]:
        sent = []
        for _time in range(8):
            other = add()
            sent += [
                other,
                entry(other["subject"], "gave", "5"),
                add("Twin", phone="98765 00001"),
                entry(party["subject"], "got", "1"),
                operation("entry.delete"),
                operation("cash.record", fields={"direction": "in", "amount": "2", "category": "sale"}),
                operation("party.delete", other["subject"]),
            ]
        return sent

    told = race(phones, [mixed() for _phone in phones])
    states = [result["status"] for results in told for result in results]
    assert (states.count("done"), states.count("refused")) == (PHONES * 8 * 4, PHONES * 8 * 3)
    seqs = [result["seq"] for results in told for result in results if result["status"] == "done"]
    assert len(set(seqs)) == len(seqs)
    with app.app_context():
        assert faults(Actor(*place_of(app, OWNER))) == []
