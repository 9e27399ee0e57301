"""The table of roles and permissions: every route obeys it, and what is not to be seen is in no answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from khata.accounts.models import SignInCode
from khata.accounts.permissions import NEEDS, PERMISSIONS, ROLES, granted, switches_for
from khata.core import clock
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.core.money import format_amount, to_plain
from khata.web.auth import MEMBER, PUBLIC, SIGNED_IN
from tests.accounts.conftest import HELPER, place
from tests.client import Browser, Page, sign_in
from tests.factories import picture, upload
from tests.house.test_access import FORMS, OWNED

# What a view asks for beside the permission that it names.
ALSO = {
    "ledger.settlement": {"see_balances"},
    "ledger.settle": {"see_balances"},
    "parties.delete": {"see_balances"},
    "payments.confirm": {"see_balances"},
    "payments.decline": {"see_balances"},
    "payments.cancel_request": {"see_balances"},
    "payments.refund": {"see_balances"},
    **{
        f"reminders.{name}": {"see_balances"}
        for name in ("due_day", "promise", "forget_promise", "new_payment", "schedule", "paid", "skip", "end")
    },
    "reminders.make_plan": {"record"},
}
OWNERS_ONLY = {"accounts.hand_over", "accounts.handover", "privacy.shop_deletion", "privacy.delete_shop"}


def switch(owner: Browser, role: str, may: Iterable[str]) -> None:
    """Let the helper be of `role` and do what `may` says."""
    owner.post(place(owner), {"role": role, "may": sorted(may)}, then="/members")


def walk(app: Flask, browser: Browser) -> Iterator[tuple[str, str, int]]:
    """(endpoint, permission, status) of every address and method that a permission guards, with ids of nothing."""
    for rule in app.url_map.iter_rules():
        access = app.view_functions[rule.endpoint].khata_access
        if access in (PUBLIC, SIGNED_IN, MEMBER):
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            ids = {name: new_id() if name.endswith("_id") else "x" for name in rule.arguments}
            answer = browser.raw(method, app.url_map.bind("localhost").build(rule.endpoint, ids))
            answer.get_data()  # exports are streams
            yield rule.endpoint, access, answer.status_code


def check(app: Flask, browser: Browser, role: str, may: frozenset[str]) -> None:
    """Everything that `may` names is allowed, and nothing else."""
    for endpoint, access, status in walk(app, browser):
        wanted = {access} | ALSO.get(endpoint, set())
        is_allowed = wanted <= may and (role == "owner" or endpoint not in OWNERS_ONLY)
        assert (status != 403) == is_allowed, f"{endpoint} answers {status}"


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_reaches_what_it_may_and_nothing_else(app: Flask, hire: Callable[..., Browser], role: str) -> None:
    check(app, hire(role), role, ROLES[role])


@pytest.mark.parametrize("permission", sorted(ROLES["manager"]))
def test_each_permission_switched_off_alone(
    app: Flask, owner: Browser, hire: Callable[..., Browser], permission: str
) -> None:
    manager, left = hire("manager"), ROLES["manager"] - {permission}
    switch(owner, "manager", set(left))
    without = {needing for needing, needed in NEEDS if needed == permission}
    without |= {needing for needing, needed in NEEDS if needed in without}
    check(app, manager, "manager", left - without)


@pytest.mark.parametrize("permission", sorted(PERMISSIONS.keys() - ROLES["cashier"]))
def test_each_permission_switched_on_alone(
    app: Flask, owner: Browser, hire: Callable[..., Browser], permission: str
) -> None:
    cashier, more = hire("cashier"), ROLES["cashier"] | {permission}
    switch(owner, "cashier", set(more))
    check(app, cashier, "cashier", more)


def test_every_permission_opens_something(app: Flask) -> None:
    asked = {view.khata_access for view in app.view_functions.values()}
    asked.update(*ALSO.values())
    asked |= {"see_totals", "edit_own_today", "edit_entries"}  # parts of pages
    assert asked - {PUBLIC, SIGNED_IN, MEMBER} == set(PERMISSIONS)


def test_switches_say_the_difference_only() -> None:
    assert switches_for("cashier", set(ROLES["cashier"])) == ""
    for role in ROLES:
        for wanted in (set(), set(PERMISSIONS), {"record", "settings"}):
            assert granted(role, switches_for(role, wanted)) == wanted
    assert granted("cashier", switches_for("cashier", {"nonsense"})) == set()


def test_switches_of_before_still_hold() -> None:
    """Written when seeing customers meant seeing their balances."""
    assert granted("cashier", '{"see_day_book": true}') == ROLES["cashier"] | {"see_day_book"}
    assert granted("cashier", '{"record": false}') == ROLES["cashier"] - {"record"}
    blind = granted("manager", '{"see_parties": false}')
    assert blind == ROLES["manager"] - {"see_parties", "see_balances", "see_reports", "see_day_book", "remind"}
    assert "see_day_book" not in granted("cashier", '{"see_day_book": true, "see_balances": false}')
    assert "export" not in granted("accountant", '{"see_balances": false}')


def test_a_single_permission_is_switched_at_the_next_request(owner: Browser, hire: Callable[..., Browser]) -> None:
    cashier = hire("cashier")
    cashier.get("/daybook", 403)
    switch(owner, "cashier", ROLES["cashier"] | {"see_day_book"})
    cashier.get("/daybook")
    cashier.get("/")
    switch(owner, "cashier", {"see_day_book"})
    cashier.get("/", 403)


def test_totals_and_buttons_hide_with_the_right(owner: Browser, hire: Callable[..., Browser]) -> None:
    party = owner.add_party("Ramesh")
    owner.write(party, "gave", "20")
    accountant = hire("accountant")
    assert "In all" in accountant.get("/").text
    assert "Add customer" not in accountant.get("/").text
    assert 'id="entry-form"' not in accountant.get(party).html
    cashier = hire("cashier", "+919876500012")
    assert "In all" not in cashier.get("/").text
    assert "Members" not in cashier.get("/menu").text


# who may not see balances

ENTRIES = {"gave": 7351134713, "got": 202020202, "deleted": 541771917, "supplier": 8642868642, "cash": 91733719}
BALANCES = {"debtor": ENTRIES["gave"] - ENTRIES["got"] - ENTRIES["cash"], "supplier": ENTRIES["supplier"]}
NOTE = "planted-note"
STANDING = ("You will get", "You will give", "Unpaid for", "Over limit", "Limit ", "Overdue", "Settle", NOTE)


def spellings(minor: int) -> set[str]:
    """Every way in which an answer could carry the amount."""
    return {format_amount(minor, "INR", "en").lstrip("₹"), to_plain(minor, "INR"), str(minor)}


def found(answer: TestResponse, amounts: list[int]) -> list[str]:
    """What of the planted is in the answer: its body or its headers."""
    text = answer.get_data().decode(errors="replace") + str(answer.headers)
    answer.close()  # a file that was sent
    return [spelled for minor in amounts for spelled in spellings(minor) if spelled in text]


@pytest.fixture
def planted(owner: Browser) -> dict[str, list[str]]:
    """Addresses of a shop with unmistakable amounts, by what an address names."""
    amount = {name: to_plain(minor, "INR") for name, minor in ENTRIES.items()}
    debtor = owner.add_party("Ramesh", phone="9876500555", credit_limit="100", due_on="2026-01-31")
    photo = {"photo": upload(picture())}
    owner.write(debtor, "gave", amount["gave"], on="2026-02-01", note=NOTE, **photo)  # type: ignore[arg-type]
    owner.write(debtor, "got", amount["got"])
    (bill,) = [image["src"] for url in owner.get(debtor).links("/entries/") for image in owner.get(url).all("img")]
    page = owner.write(debtor, "gave", amount["deleted"])
    owner.post(page.links("/entries/")[0] + "/deletion")
    owner.write(owner.add_party("Gita"), "gave", "11111.19")
    supplier = owner.add_party("Mill", kind="supplier")
    owner.write(supplier, "got", amount["supplier"])
    owner.write(owner.add_party("Farm", kind="supplier"), "got", "22222.29")  # so that no total is one's balance
    entries = [*owner.get(debtor).links("/entries/"), *owner.get(supplier).links("/entries/")]
    owner.write(debtor, "got", amount["cash"], in_cash="1", note=NOTE)  # the cash book shows that it came in
    owner.post("/cash", {"direction": "in", "amount": "5"})
    return {
        "party_id": [debtor, supplier, owner.add_party("Even")],
        "entry_id": [*entries, *owner.get(debtor).links("/entries/")[:1]],
        "photo_id": [bill],
    }


def blind(owner: Browser, hire: Callable[..., Browser], role: str = "cashier") -> Browser:
    """A member of `role` who may not see balances."""
    browser = hire(role)
    switch(owner, role, set(ROLES[role] - {"see_balances"}))
    return browser


def last_part(url: str) -> str:
    return url.rpartition("/")[2]


def forms(endpoint: str, planted: dict[str, list[str]]) -> list[dict[str, Any]]:
    """What to send: nothing, what would be taken, and what meets a row that is there."""
    debtor, supplier, even = (last_part(url) for url in planted["party_id"])
    more: dict[str, list[dict[str, Any]]] = {
        "ledger.record": [
            *({"direction": "got", "amount": "2", "id": last_part(url)} for url in planted["entry_id"]),
            {"direction": "gave", "amount": "99999999999"},
        ],
        "ledger.edit": [{"direction": "gave", "amount": "1", "version": "9"}],
        "ledger.settle": [{"expected_minor": str(BALANCES["debtor"])}],
        "ledger.merge": [{"into": even}, {"into": supplier}],
        "parties.add": [{"name": "Ramesh", "phone": "9876500555"}, {"name": "Ramesh", "id": debtor}],
        "parties.change": [{"name": "Ramesh", "phone": "9876500555"}],
        "ledger.record_cash": [{"direction": "in", "amount": "1"}],
    }
    return [{}, FORMS.get(endpoint, {}), *more.get(endpoint, [])]


QUERIES = ("", "?q=ramesh", "?sort=amount", "?sort=oldest&filter=owes", "?kind=supplier", "?before=9999-01-01.99",
           "?from=2026-01-01&to=2030-01-01", "?kind=entry")  # fmt: skip


def answers(
    app: Flask, browser: Browser, planted: dict[str, list[str]], *methods: str
) -> Iterator[tuple[str, TestResponse]]:
    """Every answer that the member gets, whole pages and pieces, for rows that are there."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint in ("ledger.merge", "ledger.move")):
        for method in sorted((rule.methods or set()) & set(methods)):
            if not rule.arguments <= planted.keys() & set(OWNED):
                continue
            named = next(iter(rule.arguments), None)
            urls = [re.sub("<.*>", last_part(url), rule.rule) for url in planted[named]] if named else [rule.rule]
            for url in urls:
                for asked in QUERIES if method == "GET" else forms(rule.endpoint, planted):
                    for headers in ({}, {"HX-Request": "true"}):
                        if method == "GET":
                            yield f"GET {url}{asked}", browser.raw("GET", f"{url}{asked}", headers=headers)
                        else:
                            yield f"POST {url} {asked}", browser.raw("POST", url, data=asked, headers=headers)
                            if browser.raw("GET", "/").status_code != 200:
                                come_back(app, browser)  # that address ended the session


def test_who_may_not_see_balances_gets_none(
    app: Flask, owner: Browser, planted: dict[str, list[str]], hire: Callable[..., Browser]
) -> None:
    cashier = blind(owner, hire)
    cashier.write(planted["party_id"][0], "gave", "3.33")
    assert "Ramesh" in cashier.get("/?q=ramesh").text
    secret = [*BALANCES.values(), *(minor for name, minor in ENTRIES.items() if name != "cash")]
    tried = 0
    for what, answer in answers(app, cashier, planted, "GET", "POST"):
        assert answer.status_code < 500 or what.startswith("GET /readyz"), what
        told = [*found(answer, secret), *(words for words in STANDING if words in Page(_html(answer)).text)]
        assert not told, f"{what}: {answer.status_code} tells {told}"
        if answer.mimetype == "image/jpeg":
            raise AssertionError(f"{what} is somebody else's bill")
        tried += 1
    assert tried > 250


def come_back(app: Flask, browser: Browser) -> None:
    """Sign in again, however many codes the walk has asked for."""
    with app.app_context(), transaction():
        db.session.execute(sa.delete(SignInCode))
    sign_in(browser, HELPER)


def _html(answer: TestResponse) -> str:
    return answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""


@pytest.mark.parametrize("role", ["manager", "accountant"])
def test_nor_does_another_role(
    app: Flask, owner: Browser, planted: dict[str, list[str]], hire: Callable[..., Browser], role: str
) -> None:
    """The day book and the cash book have permissions of their own; they tell entries, never how an account stands."""
    member = blind(owner, hire, role)
    for what, answer in answers(app, member, planted, "GET"):
        amounts = [] if what.startswith(("GET /daybook", "GET /cash")) else list(ENTRIES.values())
        assert not found(answer, [BALANCES["debtor"], *amounts]), what


def test_who_may_see_them_does(app: Flask, planted: dict[str, list[str]], hire: Callable[..., Browser]) -> None:
    """The same walk by a cashier as usual: so the search above finds what is there."""
    seen: set[str] = set()
    for _what, answer in answers(app, hire("cashier"), planted, "GET"):
        seen.update(found(answer, [*BALANCES.values(), *ENTRIES.values()]))
        seen.update(words for words in STANDING if words in Page(_html(answer)).text)
        seen |= {"photo"} if answer.mimetype == "image/jpeg" else set()
    for minor in (*BALANCES.values(), *ENTRIES.values()):
        assert seen & spellings(minor), minor
    assert seen >= {*STANDING, "photo"} - {"Limit "}


def test_they_find_a_customer_and_write(
    owner: Browser, planted: dict[str, list[str]], hire: Callable[..., Browser]
) -> None:
    party = planted["party_id"][0]
    cashier = blind(owner, hire)
    page = cashier.get(party)
    assert "You have written nothing here today" in page.text
    assert not page.links(f"{party}/s")
    assert "Oldest debt" not in cashier.get("/").text
    piece = cashier.raw(
        "POST", f"{party}/entries", data={"direction": "gave", "amount": "44"}, headers={"HX-Request": "true"}
    )
    assert 'id="balance"' not in piece.get_data(as_text=True)
    page = cashier.get(party)
    assert "You gave" in page.text
    (own,) = page.links("/entries/")
    cashier.post(own, {"amount": "45", "direction": "gave", "version": "1"}, then=party)
    assert "₹45" in cashier.get(party).text
    with time_machine.travel(clock.now() + timedelta(days=1), tick=True):
        assert not cashier.get(party).links("/entries/")
        cashier.get(own, 404)


def test_they_see_their_own_bill_of_today(owner: Browser, hire: Callable[..., Browser]) -> None:
    party = owner.add_party("Ramesh")
    cashier = blind(owner, hire)
    cashier.write(party, "gave", "7", photo=upload(picture(size=(61, 41))))  # type: ignore[arg-type]
    (own,) = cashier.get(party).links("/entries/")
    (image,) = cashier.get(own).all("img")
    shown = cashier.raw("GET", image["src"])
    shown.close()
    assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")
    with time_machine.travel(clock.now() + timedelta(days=1), tick=True):
        assert cashier.raw("GET", image["src"]).status_code == 404


def test_a_tried_deletion_tells_nothing(
    owner: Browser, planted: dict[str, list[str]], hire: Callable[..., Browser]
) -> None:
    cashier = blind(owner, hire)
    for party in planted["party_id"]:
        cashier.post(f"{party}/deletion", status=403)
        assert "Delete" not in cashier.get(f"{party}/edit").text


def test_what_cannot_be_seen_cannot_be_changed(
    owner: Browser, planted: dict[str, list[str]], hire: Callable[..., Browser]
) -> None:
    manager = blind(owner, hire, "manager")
    for entry in planted["entry_id"]:
        manager.post(entry, {"amount": "1", "direction": "gave", "version": "1"}, status=404)
        manager.post(f"{entry}/deletion", status=404)
        manager.post(f"{entry}/restoration", status=404)


def test_a_kept_page_hears_of_a_switch(
    owner: Browser, planted: dict[str, list[str]], hire: Callable[..., Browser]
) -> None:
    """Pages are kept by what they were made from; a member's switches move the journal."""
    cashier, party = hire("cashier"), planted["party_id"][0]
    for _time in range(2):
        assert "You will get" in cashier.get(party).text
        assert "Gita" in cashier.get("/").text
    switch(owner, "cashier", set(ROLES["cashier"] - {"see_balances"}))
    assert not found(cashier.raw("GET", party), [*BALANCES.values(), *ENTRIES.values()])
    assert "11,111" not in cashier.get("/").text
    switch(owner, "cashier", set(ROLES["cashier"]))
    assert "11,111" in cashier.get("/").text


READS_CASH = {"keep_cash_book"}, {"see_reports", "see_totals"}


@pytest.mark.parametrize("role", sorted(ROLES))
def test_the_cash_book_is_read_by_who_keeps_it_or_sees_the_sums(
    owner: Browser, hire: Callable[..., Browser], role: str
) -> None:
    """And written in by who keeps it only: nothing is offered that would be refused."""
    line = str(new_id())
    owner.post("/cash", {"direction": "in", "amount": "731", "id": line})
    member = hire(role)
    keeps = "keep_cash_book" in ROLES[role]
    assert any(needed <= ROLES[role] for needed in READS_CASH)
    assert "/cash" in member.get("/menu").links("/cash")
    page = member.get("/cash")
    assert "₹731" in page.text
    actions = [form["action"] for form in page.all("form")]
    assert ("/cash" in actions) == keeps
    assert (f"/cash/{line}/deletion" in actions) == keeps
    member.post("/cash", {"direction": "in", "amount": "1"}, status=303 if keeps else 403)
    member.post(f"/cash/{line}/deletion", status=303 if keeps else 403)


@pytest.mark.parametrize("without", ["see_reports", "see_totals", "see_balances"])
def test_nor_does_who_misses_one_of_them(owner: Browser, hire: Callable[..., Browser], without: str) -> None:
    accountant = hire("accountant")
    accountant.get("/cash")
    switch(owner, "accountant", set(ROLES["accountant"] - {without}))
    accountant.get("/cash", 403)
    assert not accountant.get("/menu").links("/cash")
    switch(owner, "accountant", set(ROLES["accountant"] - {without} | {"keep_cash_book"}))
    accountant.get("/cash")


def test_who_does_not_see_balances_does_not_see_the_day_book(owner: Browser, hire: Callable[..., Browser]) -> None:
    """It tells every amount that was ever written."""
    manager = hire("manager")
    manager.get("/daybook")
    switch(owner, "manager", set(ROLES["manager"] - {"see_balances"}))
    manager.get("/daybook", 403)
    assert not manager.get("/menu").links("/daybook")


def test_who_may_not_change_an_entry_sees_it_as_it_stands(owner: Browser, hire: Callable[..., Browser]) -> None:
    """With its note; a deleted one struck through, with who and when."""
    owner.post("/me", {"name": "Asha", "lang": "en"})
    party = owner.add_party("Ramesh")
    (entry,) = owner.write(party, "gave", "731", note="two sacks").links("/entries/")
    accountant = hire("accountant")
    page = accountant.get(entry)
    before = page.html.split("<h2>")[0]
    assert "two sacks" in before
    assert "<del>" not in before
    owner.post(f"{entry}/deletion")
    page = accountant.get(entry)
    before = page.html.split("<h2>")[0]
    assert "Deleted by Asha, " in page.text
    assert re.search(r"<del>[^/]*731", before)
    assert "two sacks" in before
    assert not [form for form in page.all("form") if form["action"].startswith("/entries/")]
