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
