"""Many hands in one shop: invited, limited, changed, removed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask

from khata.accounts.permissions import PERMISSIONS, ROLES, granted, switches_for
from khata.core import clock
from khata.core.ids import new_id
from khata.web.auth import PUBLIC, SIGNED_IN
from tests.client import Browser, sign_in

HELPER = "+919876500011"


def link(owner: Browser, role: str = "cashier") -> str:
    """The link of a fresh invitation."""
    owner.post("/invitations", {"role": role}, then="/members")
    url = urlsplit(owner.get("/members").links("http://localhost/invitations/")[-1])
    return f"{url.path}?{url.query}"


def accept(browser: Browser, invitation: str, **options: int) -> None:
    """Press "Join" on the page of the invitation."""
    key = browser.get(invitation).hidden("key")
    browser.post(invitation.partition("?")[0], {"key": key}, then="/", **options)


@pytest.fixture
def hire(app: Flask, owner: Browser) -> Callable[..., Browser]:
    """Make a member of the owner's shop: hire("cashier")."""

    def make(role: str, phone: str = HELPER) -> Browser:
        browser = Browser(app)
        sign_in(browser, phone)
        accept(browser, link(owner, role))
        return browser

    return make


def place(owner: Browser, phone: str = "+919876500011") -> str:
    """The address of the member with this number."""
    row = owner.get("/members").html.split(phone)[1]
    found = re.search(r'action="(/members/[0-9a-f-]{36})"', row)
    assert found
    return found[1]


def test_it_works(app: Flask, owner: Browser) -> None:
    """The link first, then sign-in, then back to the link, and in."""
    party = owner.add_party("Ramesh")
    invitation = link(owner)
    helper = Browser(app)
    assert "Asha Store" in helper.get(invitation).text
    helper.post("/sign-in", {"phone": HELPER})
    from tests.client import last_code

    helper.post("/sign-in/code", {"code": last_code(helper, HELPER)}, then=invitation)
    accept(helper, invitation)
    helper.write(party, "gave", "20")
    assert "You will get ₹20" in owner.get(party).text
    assert "Cashier" in owner.get("/members").text


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_reaches_what_it_may_and_nothing_else(app: Flask, hire: Callable[..., Browser], role: str) -> None:
    browser = hire(role)
    for rule in app.url_map.iter_rules():
        access = app.view_functions[rule.endpoint].khata_access
        if access in (PUBLIC, SIGNED_IN):
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            ids = {name: new_id() if name.endswith("_id") else "x" for name in rule.arguments}
            answer = browser.raw(method, app.url_map.bind("localhost").build(rule.endpoint, ids))
            answer.get_data()  # exports are streams
            assert (answer.status_code == 403) == (access not in ROLES[role]), f"{method} {rule.rule}"


def test_a_cashier_changes_only_own_entries_of_today(owner: Browser, hire: Callable[..., Browser]) -> None:
    cashier = hire("cashier")
    party = owner.add_party("Ramesh")
    owner.write(party, "gave", "10")
    cashier.write(party, "gave", "20")
    own, owners = cashier.get(party).links("/entries/")
    form = {"amount": "30", "direction": "gave", "version": "1"}
    cashier.post(own, form, then=party)
    cashier.post(owners, form, status=403)
    cashier.post(own + "/deletion", status=403)
    assert 'name="amount"' not in cashier.get(owners).html
    with time_machine.travel(clock.now() + timedelta(days=1), tick=True):
        cashier.post(own, {**form, "version": "2"}, status=403)
    owner.post(own, {**form, "amount": "35", "version": "2"}, then=party)


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


def test_a_single_permission_is_switched_at_the_next_request(owner: Browser, hire: Callable[..., Browser]) -> None:
    cashier = hire("cashier")
    cashier.get("/daybook", 403)
    owner.post(place(owner), {"role": "cashier", "may": [*ROLES["cashier"], "see_day_book"]}, then="/members")
    cashier.get("/daybook")
    cashier.get("/")
    owner.post(place(owner), {"role": "cashier", "may": ["see_day_book"]}, then="/members")
    cashier.get("/", 403)


def test_switches_say_the_difference_only() -> None:
    assert switches_for("cashier", set(ROLES["cashier"])) == ""
    for role in ROLES:
        for wanted in (set(), set(PERMISSIONS), {"record", "export"}):
            assert granted(role, switches_for(role, wanted)) == wanted
    assert granted("cashier", switches_for("cashier", {"nonsense"})) == set()


def test_who_is_removed_is_out_at_the_next_request(owner: Browser, hire: Callable[..., Browser]) -> None:
    cashier = hire("cashier")
    party = owner.add_party("Ramesh")
    cashier.get(party)
    cashier.get(party)
    owner.post(place(owner) + "/removal", then="/members")
    assert cashier.raw("GET", party).location == "/shops/new"
    assert cashier.raw("POST", f"{party}/entries", data={"direction": "gave", "amount": "5"}).status_code == 303
    assert "Nothing written yet" in owner.get(party).text
    assert HELPER not in owner.get("/members").text
    accept(cashier, link(owner, "accountant"))
    cashier.get(party)


def test_an_invitation_is_used_once(app: Flask, owner: Browser, hire: Callable[..., Browser]) -> None:
    invitation = link(owner)
    first, second = Browser(app), Browser(app)
    sign_in(first, HELPER)
    sign_in(second, "+919876500012")
    second_key = second.get(invitation).hidden("key")
    accept(first, invitation)
    second.post(invitation.partition("?")[0], {"key": second_key}, status=404)
    second.get(invitation, 404)


@pytest.mark.parametrize("fault", ["key", "no key", "taken back", "expired", "unknown"])
def test_a_link_that_no_longer_holds(owner: Browser, stranger: Browser, fault: str) -> None:
    invitation = link(owner)
    path, key = invitation.split("?key=")
    if fault == "taken back":
        owner.post(path + "/removal", then="/members")
    changed = {"key": f"{path}?key={'0' * 32}", "no key": path, "unknown": f"/invitations/{new_id()}?key={key}"}
    days = 8 if fault == "expired" else 0
    with time_machine.travel(clock.now() + timedelta(days=days), tick=True):
        assert "no longer holds" in stranger.get(changed.get(fault, invitation), 404).text
        stranger.post(
            path, {"key": "" if fault == "key" else key}, status=303 if fault in ("no key", "unknown") else 404
        )


def test_a_shop_keeps_an_owner(owner: Browser, hire: Callable[..., Browser]) -> None:
    me = place(owner, "+919876543210")
    assert "needs an owner" in owner.post(me, {"role": "cashier"}, status=422).text
    assert "needs an owner" in owner.post(me + "/removal", status=422).text
    heir = hire("manager")
    owner.post(place(owner), {"role": "owner"}, then="/members")
    heir.post(me, {"role": "cashier"}, then="/members")
    owner.get("/members", 403)


def test_joining_twice_keeps_the_place(owner: Browser) -> None:
    invitation = link(owner)
    accept(owner, invitation)
    assert "Owner" in owner.get("/members").html.split("</small>")[0], "an invitation as cashier takes nothing away"
    owner.get(invitation)  # and it is still there for somebody else


def test_another_shop_cannot_touch_them(owner: Browser, stranger: Browser, hire: Callable[..., Browser]) -> None:
    hire("cashier")
    member, path = place(owner), link(owner).partition("?")[0]
    stranger.post(member, {"role": "owner"}, status=404)
    stranger.post(member + "/removal", status=404)
    stranger.post(path + "/removal", status=404)


def test_it_is_in_the_day_book(owner: Browser, hire: Callable[..., Browser]) -> None:
    hire("cashier")
    owner.post(place(owner), {"role": "accountant", "may": list(ROLES["accountant"])})
    owner.post(place(owner) + "/removal")
    text = owner.get("/daybook?kind=member").text
    for sentence in ("Somebody was invited", "joined the shop", "may do other things now", "was removed"):
        assert sentence in text
