"""Editing, deleting, restoring and settling: nothing is erased, nobody overwrites another unseen."""

from __future__ import annotations

import pytest

from khata.core.ids import new_id
from tests.client import Browser, Page


@pytest.fixture
def party(owner: Browser) -> str:
    """A party who owes 50."""
    address = owner.add_party("Ramesh")
    owner.write(address, "gave", "50", note="rice")
    return address


@pytest.fixture
def entry(owner: Browser, party: str) -> str:
    """The entry of 50."""
    return owner.get(party).links("/entries/")[0]


def edit(browser: Browser, entry: str, amount: str, version: int, status: int = 303, **more: str) -> Page:
    fields = {"direction": "gave", "amount": amount, "version": str(version), "note": "rice", **more}
    return browser.post(entry, fields, status=status)


def history(page: Page) -> list[str]:
    """What was done, newest first."""
    words = ("Written", "Edited", "Deleted", "Brought back")
    part = page.html.split("<h2>")[1]
    return [word for piece in part.split("<b>")[1:] for word in words if piece.startswith(word)]


def test_it_works(owner: Browser, party: str, entry: str) -> None:
    page = owner.get(entry)
    assert (page.hidden("amount"), page.hidden("note"), page.hidden("version")) == ("50.00", "rice", "1")
    edit(owner, entry, "60+1", 1, note="rice and oil")
    owner.post(f"{entry}/deletion", then=party)
    assert "Settled" in owner.get(party).text
    owner.post(f"{entry}/restoration", then=party)
    assert "You will get ₹61" in owner.get(party).text
    page = owner.get(entry)
    assert history(page) == ["Brought back", "Deleted", "Edited", "Written"]
    for word in ("₹50", "₹61", "rice and oil", "+91 98765 43210"):
        assert word in page.text


def test_an_edited_entry_says_so(owner: Browser, party: str, entry: str) -> None:
    edit(owner, entry, "60", 1)
    assert "Edited" in owner.get(party).text


def test_saving_without_a_change_is_no_version(owner: Browser, entry: str) -> None:
    page = owner.get(entry)
    as_it_is = {name: page.hidden(name) for name in ("amount", "note", "on", "version")}
    owner.post(entry, {**as_it_is, "direction": "gave"})
    assert history(owner.get(entry)) == ["Written"]


def test_every_field_may_change(owner: Browser, party: str, entry: str) -> None:
    edit(owner, entry, "60", 1, direction="got", on="2026-01-05", note="", in_cash="1")
    assert "You will give ₹60" in owner.get(party).text
    assert "₹60" in owner.get("/cash?on=2026-01-05").text
    edit(owner, entry, "60", 2, direction="got", on="2026-01-06")
    assert "₹60" not in owner.get("/cash?on=2026-01-05").text


def test_two_who_edit_at_once(owner: Browser, party: str, entry: str) -> None:
    edit(owner, entry, "60", 1)
    page = edit(owner, entry, "70", 1, status=409)
    assert "changed meanwhile" in page.text
    assert page.hidden("amount") == "70"
    assert "You will get ₹60" in owner.get(party).text
    edit(owner, entry, "70", int(page.hidden("version")))
    assert "You will get ₹70" in owner.get(party).text


@pytest.mark.parametrize("version", ["", "0", "2", "-1", "x", "9" * 30, "١"])
def test_a_wrong_version(owner: Browser, party: str, entry: str, version: str) -> None:
    owner.post(entry, {"direction": "gave", "amount": "70", "version": version}, status=409)
    assert "You will get ₹50" in owner.get(party).text


@pytest.mark.parametrize(
    ("field", "typed"),
    [("amount", "5/0"), ("amount", ""), ("on", "2026-02-31"), ("direction", "x"), ("note", "x" * 501)],
)
def test_a_bad_edit_keeps_what_was_typed(owner: Browser, entry: str, field: str, typed: str) -> None:
    page = edit(owner, entry, **{"amount": "60", "version": 1, "status": 422, field: typed})  # type: ignore[arg-type]
    assert [span["id"] for span in page.all("span") if span.get("class") == "err"] == [f"e-{field}"]
    if field != "direction":
        assert page.hidden(field) == typed


def test_a_deleted_entry_stays_struck_through_with_who(owner: Browser, party: str, entry: str) -> None:
    owner.post("/me", {"name": "Asha", "lang": "en"})
    for _time in range(2):
        owner.post(f"{entry}/deletion", then=party)
    page = owner.get(party)
    assert "<del>" in page.html
    assert "Deleted by Asha" in page.text
    page = owner.get(entry)
    assert history(page) == ["Deleted", "Written"]
    assert page.links(party) == [party]
    edit(owner, entry, "60", 1, status=422)


def test_restoring_twice_is_restoring_once(owner: Browser, party: str, entry: str) -> None:
    owner.post(f"{entry}/deletion")
    for _time in range(2):
        owner.post(f"{entry}/restoration", then=party)
    assert "You will get ₹50" in owner.get(party).text
    assert history(owner.get(entry)) == ["Brought back", "Deleted", "Written"]


# settling


def settlement(browser: Browser, party: str) -> dict[str, str]:
    page = browser.get(f"{party}/settlement")
    return {name: page.hidden(name) for name in ("id", "expected_minor")}


@pytest.mark.parametrize("direction", ["gave", "got"])
def test_settling_brings_the_balance_to_zero(owner: Browser, direction: str) -> None:
    party = owner.add_party()
    owner.write(party, direction, "50.25")
    owner.post(f"{party}/settlement", {**settlement(owner, party), "in_cash": "1"}, then=party)
    page = owner.get(party)
    assert "Settled up" in page.text
    assert f"{party}/settlement" not in page.links(party)
    assert ("Cash in" if direction == "gave" else "Cash out") + "₹50.25" in owner.get("/cash").text


def test_settling_twice_is_settling_once(owner: Browser, party: str) -> None:
    fields = settlement(owner, party)
    for _time in range(2):
        owner.post(f"{party}/settlement", fields, then=party)
    assert len(owner.get(party).links("/entries/")) == 2


def test_settling_what_has_changed_is_asked_again(owner: Browser, party: str) -> None:
    fields = settlement(owner, party)
    owner.write(party, "gave", "10")
    page = owner.post(f"{party}/settlement", fields, status=409)
    assert "The balance changed meanwhile" in page.text
    assert "₹60" in page.text
    owner.post(f"{party}/settlement", {name: page.hidden(name) for name in fields}, then=party)
    assert "Settled" in owner.get(party).text


@pytest.mark.parametrize("expected", ["", "x", "1.5", "9" * 40, "५०००", "--5"])
def test_settling_a_strange_amount(owner: Browser, party: str, expected: str) -> None:
    page = owner.post(f"{party}/settlement", {"expected_minor": expected}, status=422)
    assert "check what you typed" in page.text
    assert "You will get ₹50" in owner.get(party).text


def test_settling_under_the_id_of_something_else(owner: Browser, party: str, entry: str) -> None:
    fields = {**settlement(owner, party), "id": entry.rpartition("/")[2]}
    owner.post(f"{party}/settlement", fields, status=409)
    assert "You will get ₹50" in owner.get(party).text


def test_settling_nothing(owner: Browser) -> None:
    party = owner.add_party()
    owner.get(f"{party}/settlement")
    owner.post(f"{party}/settlement", {"expected_minor": "0", "id": str(new_id())}, then=party)
    assert owner.get(party).links("/entries/") == []


def test_a_settlement_that_was_edited_is_none(owner: Browser, party: str) -> None:
    owner.post(f"{party}/settlement", settlement(owner, party))
    page = owner.get(party)
    (entry,) = [link for link in page.links("/entries/") if "Settled up" in owner_row(page, link)]
    owner.post(entry, {"direction": "got", "amount": "40", "version": "1"}, then=party)
    assert "Settled up" not in owner.get(party).text


def owner_row(page: Page, link: str) -> str:
    return page.html.split(f'href="{link}"')[1].split("</li>")[0]
