"""Many hands in one shop: invited, limited, changed, removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from khata.accounts.permissions import ROLES
from khata.core import clock
from khata.core.ids import new_id
from tests.accounts.conftest import HELPER, accept, link, place
from tests.client import Browser, last_code, sign_in


def test_it_works(app: Flask, owner: Browser) -> None:
    """The link first, then sign-in, then back to the link, and in."""
    party = owner.add_party("Ramesh")
    invitation = link(owner)
    helper = Browser(app)
    assert "Asha Store" in helper.get(invitation).text
    helper.post("/sign-in", {"phone": HELPER})
    helper.post("/sign-in/code", {"code": last_code(helper, HELPER)}, then=invitation)
    accept(helper, invitation)
    helper.write(party, "gave", "20")
    assert "You will get ₹20" in owner.get(party).text
    assert "Cashier" in owner.get("/members").text


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
            path,
            {"key": "" if fault == "key" else key, "name": "Mina"},
            status=303 if fault in ("no key", "unknown") else 404,
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
    for sentence in (
        "Somebody was invited as: Cashier",
        "joined the shop",
        "may do other things now, as: Accountant",
        "was removed",
    ):
        assert sentence in text


# names


def test_nobody_takes_anothers_name(owner: Browser, hire: Callable[..., Browser]) -> None:
    """However it is spelled: it stands beside what somebody wrote."""
    owner.post("/me", {"name": "Asha Devi", "lang": "en"}, then="/menu")
    cashier = hire("cashier")
    shown = owner.get("/members").text
    for name in ("Asha Devi", "asha  DEVI", "Ásha-Devi"):
        assert "is called so" in cashier.post("/me", {"name": name, "lang": "en"}, status=422).text
        assert owner.get("/members").text == shown
    cashier.post("/me", {"name": "Asha Devi K", "lang": "en"}, then="/menu")
    owner.post("/members", {"name": "ASHA DEVI", "pin": "8347", "role": "cashier", "lang": "hi"}, status=422)
    owner.post("/me", {"name": "asha devi", "lang": "en"}, then="/menu")


def test_nor_the_number_that_stands_for_a_name(owner: Browser, hire: Callable[..., Browser]) -> None:
    cashier = hire("cashier")
    cashier.post("/me", {"name": "+91 98765 43210", "lang": "en"}, status=422)


def test_the_name_of_who_left_is_free(owner: Browser, hire: Callable[..., Browser]) -> None:
    cashier, other = hire("cashier"), hire("cashier", "+919876500012")
    cashier.post("/me", {"name": "Mina", "lang": "en"}, then="/menu")
    other.post("/me", {"name": "Mina", "lang": "en"}, status=422)
    owner.post(place(owner) + "/removal", then="/members")
    other.post("/me", {"name": "Mina", "lang": "en"}, then="/menu")


def test_the_day_book_says_the_name_of_before(owner: Browser, hire: Callable[..., Browser]) -> None:
    cashier = hire("cashier")
    cashier.post("/me", {"name": "Mina", "lang": "en"})
    cashier.post("/me", {"name": "Gita", "lang": "en"})
    assert "Mina is called Gita now" in owner.get("/daybook").text


def test_who_joins_says_a_name(app: Flask, owner: Browser) -> None:
    owner.post("/me", {"name": "Asha", "lang": "en"})
    invitation, helper = link(owner), Browser(app)
    sign_in(helper, HELPER)
    page = helper.get(invitation)
    path, key = invitation.partition("?")[0], page.hidden("key")
    assert "f-name" in page.ids
    for name in ("", "  ", "asha", "x" * 81):
        page = helper.post(path, {"key": key, "name": name}, status=422)
        assert [span for span in page.all("span") if span.get("class") == "err"], name
        assert page.hidden("key") == key
        assert HELPER not in owner.get("/members").html
    helper.post(path, {"key": key, "name": "Mina"}, then="/")
    assert "Mina joined the shop" in owner.get("/daybook").text


def test_who_has_a_name_is_asked_only_where_it_is_taken(app: Flask, owner: Browser, stranger: Browser) -> None:
    owner.post("/me", {"name": "Asha", "lang": "en"})
    stranger.post("/me", {"name": "Asha", "lang": "en"})
    invitation = link(owner)
    page = stranger.get(invitation)
    assert "f-name" in page.ids
    stranger.post(invitation.partition("?")[0], {"key": page.hidden("key")}, status=422)
    stranger.post("/me", {"name": "Sita", "lang": "en"})
    page = stranger.get(invitation)
    assert "f-name" not in page.ids
    stranger.post(invitation.partition("?")[0], {"key": page.hidden("key")}, then="/")
    assert "Sita joined the shop" in owner.get("/daybook").text


def test_who_opens_a_shop_can_say_a_name(visitor: Browser) -> None:
    sign_in(visitor, HELPER)
    page = visitor.post("/shops/new", {"name": "Asha Store", "own_name": "x" * 81}, status=422)
    assert "f-own_name" in page.ids
    visitor.post("/shops/new", {"name": "Asha Store", "own_name": " Asha "}, then="/")
    visitor.write(visitor.add_party("Ramesh"), "gave", "5")
    assert "Asha" in visitor.get("/daybook").text
    assert "f-own_name" not in visitor.get("/shops/new").ids
    visitor.post("/shops/new", {"name": "Second", "own_name": "Somebody"}, then="/")
    assert visitor.get("/me").hidden("name") == "Asha"


# who manages members and is no owner


@pytest.fixture
def manager(owner: Browser, hire: Callable[..., Browser]) -> Browser:
    """A manager who may manage members, and neither takes out the ledger nor changes the shop."""
    browser = hire("manager")
    owner.post(place(owner), {"role": "manager", "may": [*ROLES["manager"], "members"]}, then="/members")
    return browser


def test_nobody_but_an_owner_changes_themself(owner: Browser, manager: Browser) -> None:
    me = place(owner)
    for role, may in (("manager", [*ROLES["manager"], "members", "export"]), ("accountant", []), ("manager", [])):
        manager.post(me, {"role": role, "may": may}, status=403)
    assert me not in [form["action"] for form in manager.get("/members").all("form")]
    manager.get("/exports", 403)
    manager.get("/members")


def test_nor_gives_what_they_have_not(owner: Browser, manager: Browser, hire: Callable[..., Browser]) -> None:
    cashier = hire("cashier", "+919876500012")
    them = place(owner, "+919876500012")
    for role, may in (("cashier", [*ROLES["cashier"], "export"]), ("accountant", [*ROLES["accountant"]])):
        manager.post(them, {"role": role, "may": may}, status=403)
    cashier.get("/exports", 403)
    manager.post(them, {"role": "manager", "may": [*ROLES["manager"], "members"]}, then="/members")
    manager.post(them, {"role": "cashier", "may": [*ROLES["cashier"], "see_day_book"]}, then="/members")
    cashier.get("/daybook")
    manager.post("/invitations", {"role": "accountant"}, status=403)
    manager.post("/members", {"name": "Mina", "pin": "8347", "role": "accountant", "lang": "hi"}, status=403)
    manager.post("/members", {"name": "Mina", "pin": "8347", "role": "cashier", "lang": "hi"}, then="/members")
    page = manager.get("/members")
    assert "Accountant" not in page.text
    assert 'value="export"' not in page.html


def test_nor_comes_in_as_somebody_who_may_more(owner: Browser, manager: Browser, hire: Callable[..., Browser]) -> None:
    """Who gives a PIN knows it."""
    hire("accountant", "+919876500012")
    them = place(owner, "+919876500012")
    manager.post(f"{them}/pin", {"pin": "8347"}, status=403)
    page = manager.get("/members")
    assert f"{them}/pin" not in [form["action"] for form in page.all("form")]
    manager.post(them, {"role": "cashier", "may": [*ROLES["cashier"]]}, then="/members")
    manager.post(f"{them}/pin", {"pin": "8347"}, then="/members")


def test_what_somebody_has_already_can_stay(owner: Browser, manager: Browser, hire: Callable[..., Browser]) -> None:
    accountant = hire("accountant", "+919876500012")
    them = place(owner, "+919876500012")
    may = ROLES["accountant"] - {"see_day_book"}
    manager.post(them, {"role": "accountant", "may": [*may]}, then="/members")
    accountant.get("/exports")
    accountant.get("/daybook", 403)


# where members are signed in


def devices_of(browser: Browser, member: str) -> list[str]:
    """Addresses that sign the member out, one a device."""
    actions = [form["action"] for form in browser.get("/members").all("form")]
    return [action for action in actions if action.startswith(f"{member}/devices/")]


def test_who_manages_members_sees_and_ends_where_they_are(
    app: Flask, owner: Browser, hire: Callable[..., Browser]
) -> None:
    cashier = hire("cashier")
    second = Browser(app, **{"User-Agent": "Mozilla/5.0 (Linux; Android 9)"})
    sign_in(second, HELPER)
    party = owner.add_party("Ramesh")
    cashier.get(party)
    cashier.get(party)
    page = owner.get("/members")
    assert "Android" in page.text
    assert "Last used" in page.text
    there = devices_of(owner, place(owner))
    assert len(there) == 2
    names = {form["aria-label"]: form for form in page.all("button") if "Sign out on" in form.get("aria-label", "")}
    assert names.keys() == {"Sign out on Android", "Sign out on Browser"}
    for one in there:
        owner.post(one, then="/members")
        owner.post(one, status=404)
    assert cashier.raw("GET", party).location == "/sign-in", "the very next request is refused"
    assert second.raw("GET", "/").location == "/sign-in"
    assert devices_of(owner, place(owner)) == []
    assert "was signed out on Android" in owner.get("/daybook").text


def test_their_sessions_in_other_shops_go_on(owner: Browser, stranger: Browser) -> None:
    invitation = link(owner)
    stranger.get(invitation)
    accept(stranger, invitation)
    them = place(owner, "+919812345678")
    (there,) = devices_of(owner, them)
    (back,) = [form["action"] for form in stranger.get("/shops").all("form") if form["action"].endswith("/current")]
    stranger.post(back)
    assert devices_of(owner, them) == []
    owner.post(there, status=404)
    stranger.get("/")


def test_an_owner_is_signed_out_by_owners_only(owner: Browser, manager: Browser) -> None:
    owners = place(owner, "+919876543210")
    assert devices_of(manager, owners) == []
    (device,) = {f["action"].split("/")[2] for f in owner.get("/devices").all("form") if f["action"].count("/") == 2}
    manager.post(f"{owners}/devices/{device}/sign-out", status=403)
    owner.get("/")


def test_a_session_that_rested_too_long_is_not_listed(owner: Browser, hire: Callable[..., Browser]) -> None:
    hire("cashier")
    with time_machine.travel(clock.now() + timedelta(days=170), tick=True):
        owner.get("/")
    with time_machine.travel(clock.now() + timedelta(days=190), tick=True):
        assert devices_of(owner, place(owner)) == []
