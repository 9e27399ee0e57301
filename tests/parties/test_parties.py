"""Customers and suppliers: add, edit, delete, bring back, move, join."""

from __future__ import annotations

from datetime import timedelta

import pytest

from khata.core.ids import new_id
from tests.client import Browser, Page
from tests.factories import today


def errors(page: Page) -> list[str]:
    """The fields that have a sentence."""
    return [span["id"][2:] for span in page.all("span") if span.get("class") == "err"]


def names(page: Page) -> list[str]:
    """The parties of a list, in order."""
    return page.html.split("<b>")[1:] and [part.split("</b>")[0] for part in page.html.split("<b>")[1:]]


def test_it_works(owner: Browser) -> None:
    owner.get("/parties/new")
    party = owner.add_party("Ramesh Kumar", phone="98765 00001", address="Gali 4", note="tall", gstin="27AAPFU0939F1ZV")
    assert "Ramesh Kumar" in owner.get(party).text
    page = owner.get(f"{party}/edit")
    assert page.hidden("phone") == "+919876500001"
    owner.post(party, {"name": "Ramesh K.", "phone": "98765 00002"}, then=party)
    page = owner.get(f"{party}/edit")
    assert (page.hidden("name"), page.hidden("phone"), page.hidden("gstin")) == ("Ramesh K.", "+919876500002", "")


def test_only_the_name_is_needed(owner: Browser) -> None:
    assert "Asha" in owner.get(owner.add_party("Asha")).text


def test_suppliers_have_a_list_of_their_own(owner: Browser) -> None:
    owner.add_party("Gupta Traders", kind="supplier")
    owner.add_party("Ramesh")
    assert names(owner.get("/?kind=supplier")) == ["Gupta Traders"]
    assert names(owner.get("/")) == ["Ramesh"]
    assert "New supplier" in owner.get("/parties/new?kind=supplier").text
    assert "New customer" in owner.get("/parties/new?kind=<script>").text


# the same id, the same number


def test_the_same_form_twice_is_one_party(owner: Browser) -> None:
    form = {"id": str(new_id()), "name": "Ramesh", "phone": "98765 00001"}
    for _time in range(2):
        owner.post("/parties", form, then=f"/parties/{form['id']}")
    assert names(owner.get("/")) == ["Ramesh"]


def test_the_same_id_with_another_name_is_409_and_keeps_what_was_typed(owner: Browser) -> None:
    form = {"id": str(new_id()), "name": "Ramesh"}
    owner.post("/parties", form)
    page = owner.post("/parties", {**form, "name": "Suresh"}, status=409)
    assert page.hidden("name") == "Suresh"
    assert errors(page) == ["name"]
    assert names(owner.get("/")) == ["Ramesh"]
    assert page.hidden("id") != form["id"], "so that it can be saved as somebody else"


@pytest.mark.parametrize("id_", ["x", "123", "../etc", "<script>", "0" * 400])
def test_a_bad_id_gets_a_sentence(owner: Browser, id_: str) -> None:
    assert "check what you typed" in owner.post("/parties", {"id": id_, "name": "Ramesh"}, status=422).text


def test_a_number_in_use_is_named(owner: Browser) -> None:
    party = owner.add_party("Ramesh", phone="98765 00001")
    page = owner.post("/parties", {"name": "Suresh", "phone": "+91 98765 00001", "note": "kept"}, status=422)
    assert "Ramesh already has this number" in page.text
    assert party in page.links("/parties/")
    assert (page.hidden("name"), page.hidden("phone")) == ("Suresh", "+91 98765 00001")
    assert "kept" in page.html
    other = owner.add_party("Suresh", phone="98765 00002")
    page = owner.post(other, {"name": "Suresh", "phone": "98765 00001"}, status=422)
    assert "Ramesh already has this number" in page.text


def test_a_number_of_a_deleted_party_brings_them_back(owner: Browser) -> None:
    party = owner.add_party("Ramesh", phone="98765 00001")
    owner.post(f"{party}/deletion", then="/")
    page = owner.post("/parties", {"name": "Ramesh again", "phone": "98765 00001"}, status=422)
    assert "Ramesh has this number, but was deleted" in page.text
    (back,) = [form["action"] for form in page.all("form") if form["action"].endswith("/restoration")]
    owner.post(back, then=party)
    assert names(owner.get("/")) == ["Ramesh"]


def test_a_number_in_another_shop_is_free(owner: Browser, stranger: Browser) -> None:
    owner.add_party("Ramesh", phone="98765 00001")
    assert "Ramesh" in stranger.get(stranger.add_party("Ramesh", phone="98765 00001")).text


# bad input


@pytest.mark.parametrize(
    "name",
    ["", "   ", "x" * 81, "x" * 500, "\x00\x07\x1b", "\u202e\u202d", "\u200b\u2060\ufeff", "\u3164\u2800", "\n\t"],
)
def test_a_bad_name(owner: Browser, name: str) -> None:
    page = owner.post("/parties", {"name": name, "note": "typed"}, status=422)
    assert errors(page) == ["name"]
    assert "typed" in page.html
    assert page.hidden("name") == name
    assert "Your ledger is empty" in owner.get("/").text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ramesh 🙂👨‍👩‍👧", "Ramesh 🙂👨‍👩‍👧"),
        ("  Asha \t  Devi ", "Asha Devi"),
        ("Ra\x07me\x00sh", "Ramesh"),
        ("\u202eevil\u202c", "evil"),
        ("रमेश", "रमेश"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ('Tom & "Jerry\'s"', 'Tom & "Jerry\'s"'),
        ("{{ 7*7 }}%(name)s%s", "{{ 7*7 }}%(name)s%s"),
        ("=cmd|'/c calc'!A1", "=cmd|'/c calc'!A1"),
        ("x" * 80, "x" * 80),
    ],
)
def test_a_strange_name_is_shown_as_it_is(owner: Browser, typed: str, kept: str) -> None:
    party = owner.add_party(typed)
    owner.write(party, "gave", "5", note=typed)
    entry = owner.get(party).links("/entries/")[0]
    for url in ("/", party, f"{party}/edit", f"{party}/settlement", f"{party}/statement", f"{party}/merge", entry):
        page = owner.get(url)
        assert kept in page.text or page.hidden("name") == kept, url
        assert "<script>alert" not in page.html


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("phone", "12345"),
        ("phone", "not a number"),
        ("gstin", "27AAPFU0939F1ZW"),
        ("gstin", "\x00"),
        ("gstin", "x" * 999),
        ("credit_limit", "0"),
        ("credit_limit", "-5"),
        ("credit_limit", "9**9**9"),
        ("due_on", "2026-02-31"),
        ("due_on", "0000-01-01"),
        ("due_on", "9999-12-31"),
        ("due_on", "tomorrow"),
        ("note", "x" * 501),
        ("address", "x" * 201),
        ("lang", "xx"),
        ("kind", "alien"),
    ],
)
def test_a_bad_field_gets_one_sentence_and_stays_as_typed(owner: Browser, field: str, typed: str) -> None:
    page = owner.post("/parties", {"name": "Ramesh", field: typed}, status=422)
    if field not in ("kind", "lang"):
        assert errors(page) == [field]
        assert typed in page.html
    assert page.hidden("name") == "Ramesh"
    party = owner.add_party("Ramesh")
    if field != "kind":
        assert owner.post(party, {"name": "Ramesh", field: typed}, status=422).hidden("name") == "Ramesh"


def test_limit_and_due_date_are_on_screen_while_typing(owner: Browser) -> None:
    due = today() - timedelta(days=2)
    party = owner.add_party(credit_limit="1,00,000", due_on=due.isoformat())
    assert "Limit ₹1,00,000" in owner.get(party).text
    page = owner.write(party, "gave", "100001", on=(today() - timedelta(days=12)).isoformat())
    assert "Over limit ₹1,00,000" in page.text
    assert "Unpaid for 12 days" in page.text
    assert "Overdue" in page.text


def test_a_debt_of_tomorrow_is_not_minus_one_day_old(owner: Browser) -> None:
    """Phones' clocks differ: an entry may be dated a day ahead."""
    party = owner.add_party()
    page = owner.write(party, "gave", "5", on=(today() + timedelta(days=1)).isoformat())
    assert "-1 day" not in page.text


# delete, bring back, move, join


def test_deletion_waits_for_zero(owner: Browser) -> None:
    party = owner.add_party("Ramesh")
    owner.write(party, "gave", "50")
    assert f"{party}/settlement" in owner.get(f"{party}/edit").links(party)
    owner.post(f"{party}/deletion", then=f"{party}/settlement")
    page = owner.get(f"{party}/settlement")
    fields = {name: page.hidden(name) for name in ("id", "expected_minor")}
    owner.post(f"{party}/settlement", fields, then=party)
    owner.post(f"{party}/deletion", then="/")
    assert "Ramesh" not in owner.get("/").text
    assert party not in owner.get("/?q=ramesh").links("/parties/")
    assert "This account was deleted" in owner.get(party).text


def test_a_deleted_party_takes_no_entries(owner: Browser) -> None:
    party = owner.add_party("Ramesh")
    owner.post(f"{party}/deletion")
    owner.post(f"{party}/deletion", then="/")  # once more changes nothing
    page = owner.post(f"{party}/entries", {"direction": "gave", "amount": "5"}, status=422)
    assert "This account was deleted" in page.text
    owner.post(f"{party}/restoration", then=party)
    assert "₹5" in owner.write(party, "gave", "5").text


def test_entries_of_a_deleted_party_rest(owner: Browser) -> None:
    party = owner.add_party("Ramesh")
    owner.write(party, "gave", "5")
    entry = owner.write(party, "got", "5").links("/entries/")[0]
    owner.post(f"{party}/deletion")
    assert "Bring them back first" in owner.post(f"{entry}/deletion", status=422).text
    owner.post(entry, {"direction": "got", "amount": "6", "version": "1"}, status=422)


def test_moving_takes_the_balance_along(owner: Browser) -> None:
    party = owner.add_party("Gupta")
    owner.write(party, "got", "70")
    owner.post(f"{party}/kind", {"kind": "supplier"}, then=party)
    assert names(owner.get("/?kind=supplier")) == ["Gupta"]
    assert "You will give₹70" in owner.get("/").text
    owner.post(f"{party}/kind", {"kind": "supplier"}, then=party)
    owner.post(f"{party}/kind", {"kind": "alien"}, status=422)
    owner.post(f"{party}/kind", {}, status=422)


def test_joining_keeps_both_histories(owner: Browser) -> None:
    gone, kept = owner.add_party("Ramesh K", phone="98765 00001"), owner.add_party("Ramesh Kumar")
    owner.write(gone, "gave", "50", note="rice")
    owner.write(kept, "gave", "30", note="oil")
    page = owner.get(f"{gone}/merge")
    assert page.hidden("into") in kept
    assert [form["action"] for form in page.all("form")].count(f"{gone}/merge") == 2, "it does not offer itself"
    owner.post(f"{gone}/merge", {"into": page.hidden("into")}, then=kept)
    page = owner.get(kept)
    assert "You will get ₹80" in page.text
    assert "rice" in page.text
    assert "oil" in page.text
    assert names(owner.get("/")) == ["Ramesh Kumar"]
    assert owner.get(f"{kept}/edit").hidden("phone") == "+919876500001"
    owner.get(gone, status=303)


def test_joining_twice_is_joining_once(owner: Browser) -> None:
    gone, kept = owner.add_party("Ramesh K"), owner.add_party("Ramesh Kumar")
    owner.write(gone, "gave", "50")
    for _time in range(2):
        owner.post(f"{gone}/merge", {"into": kept.rpartition("/")[2]}, then=kept)
    assert "You will get ₹50" in owner.get(kept).text


def test_joining_goes_wrong_with_a_sentence(owner: Browser) -> None:
    one, other = owner.add_party("One"), owner.add_party("Other")
    itself = one.rpartition("/")[2]
    assert "another account" in owner.post(f"{one}/merge", {"into": itself}, status=422).text
    owner.post(f"{one}/merge", {"into": str(new_id())}, status=404)
    owner.post(f"{one}/merge", {"into": "x"}, status=422)
    owner.post(f"{one}/merge", {}, status=404)
    owner.post(f"{other}/deletion")
    owner.post(f"{one}/merge", {"into": other.rpartition("/")[2]}, status=422)


def test_who_was_joined_does_not_come_back(owner: Browser) -> None:
    gone, kept = owner.add_party("Ramesh K"), owner.add_party("Ramesh Kumar")
    owner.post(f"{gone}/merge", {"into": kept.rpartition("/")[2]})
    assert "can't be brought back" in owner.post(f"{gone}/restoration", status=422).text
    owner.post(f"{gone}/entries", {"direction": "gave", "amount": "5"}, status=422)


def test_joined_through_two_steps(owner: Browser) -> None:
    one, two, three = (owner.add_party(name) for name in ("One", "Two", "Three"))
    owner.write(one, "gave", "5")
    owner.post(f"{one}/merge", {"into": two.rpartition("/")[2]})
    owner.post(f"{two}/merge", {"into": three.rpartition("/")[2]})
    assert "You will get ₹5" in owner.get(three).text
    entry = owner.get(three).links("/entries/")[0]
    owner.post(entry, {"direction": "gave", "amount": "6", "version": "1"}, then=three)
    with owner.app.app_context():
        assert owner.app.test_cli_runner().invoke(args=["verify"]).exit_code == 0


# filters by due date


def test_filters_by_due_date(owner: Browser) -> None:
    for name, days in (("Late", -1), ("Now", 0), ("Soon", 1)):
        party = owner.add_party(name, due_on=(today() + timedelta(days=days)).isoformat())
        owner.write(party, "gave", "5")
    owner.add_party("Paid", due_on=(today() - timedelta(days=1)).isoformat())
    assert names(owner.get("/?filter=overdue")) == ["Late"]
    assert names(owner.get("/?filter=due-today")) == ["Now"]
