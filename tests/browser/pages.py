"""A shop with everything that pages can show, and the list of the pages."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from khata.core import clock
from tests.browser.phone import Shop
from tests.client import Page

LONG_NAME = "Shri Venkateswara General Provision Stores and Wholesale Merchants"
LONG_WORD = "अतिदीर्घनामधेयमहोदयकिराणाभण्डारप्रतिष्ठानम्"
LARGE = "987654321.75"


class MainPage(NamedTuple):
    """A page by a name that test ids show; `public` ones are looked at by somebody who is not signed in."""

    name: str
    path: str
    public: bool = False
    status: int = 200


def fill(shop: Shop) -> list[MainPage]:
    """Fill the shop and give its pages."""
    party = shop.party(LONG_NAME, phone="9876500555", credit_limit="100", due_on="2026-01-31", note=f"note {LONG_WORD}")
    shop.write(party, "gave", LARGE, on="2026-02-01", note=LONG_WORD)
    edited = shop.write(party, "got", "12.50", on="2026-02-03", note="by hand", in_cash="1")
    shop.send(edited, version="1", direction="got", amount="15", on="2026-02-03", note="by hand")
    split(shop, party)
    deleted = shop.write(party, "gave", "77", on="2026-02-04")
    shop.send(f"{deleted}/deletion")
    shop.write(party, "gave", "5")
    settled = shop.party(LONG_WORD)
    for number in range(22):
        name = f"Customer {number}" if number % 2 else f"ग्राहक {number}"
        shop.write(shop.party(name), "gave" if number % 3 else "got", str(number * 1000 + 1))
    shop.send("/members", name=LONG_NAME, pin="8347", role="cashier", lang="hi")
    shop.send("/invitations", role="cashier")
    shop.write(shop.party("Gupta Traders", "supplier"), "got", LARGE)
    for direction, category in (("in", "sale"), ("out", "transport")):
        shop.send("/cash", direction=direction, amount=LARGE, category=category, note=LONG_WORD)
    ledger = ledger_pages(party, settled, edited, deleted)
    return [*public_pages(), *ledger, *paying_pages(shop, party), *own_pages(), *import_pages(shop)]


def split(shop: Shop, party: str) -> None:
    """The party pays in instalments, and is to be paid each month."""
    page = Page(shop.client.get(f"{party}/instalments/new").text)
    late = clock.today("Asia/Kolkata") - timedelta(days=12)
    bill = {"party": party.rpartition("/")[2], "amount": LARGE, "on": late.isoformat(), "note": LONG_WORD}
    shop.send("/to-pay", **bill, every="month")
    fields = {name: page.hidden(name) for name in ("id", "expected_minor", "first_on")}
    shop.send(f"{party}/instalments", **fields, parts="60", every="month", interest="rate", rate="1.5", unit="month")


def public_pages() -> list[MainPage]:
    """Before sign-in."""
    return [
        MainPage("sign-in", "/sign-in", public=True),
        MainPage("lost number", "/sign-in/recovery", public=True),
        MainPage("nothing", "/nothing", public=True, status=404),
    ]


def ledger_pages(party: str, settled: str, edited: str, deleted: str) -> list[MainPage]:
    """Home and everything behind its rows."""
    return [
        MainPage("home", "/"),
        MainPage("suppliers", "/?kind=supplier"),
        MainPage("search", "/?q=customer"),
        MainPage("nobody", f"/?q={LONG_WORD}"),
        MainPage("new customer", "/parties/new?kind=customer"),
        MainPage("party", party),
        MainPage("empty party", settled),
        MainPage("edit party", f"{party}/edit"),
        MainPage("edit settled party", f"{settled}/edit"),
        MainPage("merge", f"{party}/merge?q=customer"),
        MainPage("settlement", f"{party}/settlement"),
        MainPage("due date", f"{party}/due"),
        MainPage("nothing due", f"{settled}/due"),
        MainPage("instalments", f"{party}/instalments"),
        MainPage(
            "new instalments", f"{party}/instalments/new?parts=60&every=week&first_on=2034-01-01&interest=rate&rate=2"
        ),
        MainPage("to pay", "/to-pay"),
        MainPage("new payment", f"/to-pay/new?party={party.rpartition('/')[2]}"),
        MainPage("statement", f"{party}/statement?from=2026-01-01"),
        MainPage("entry", edited),
        MainPage("deleted entry", deleted),
        MainPage("cash book", "/cash"),
    ]


def paying_pages(shop: Shop, party: str) -> list[MainPage]:
    """What reminds a customer, what they see, and what they said."""
    shop.send("/shops/settings", upi_address="asha.kirana.store.wholesale@okhdfcbank", city=LONG_WORD[:40])
    shop.send(f"{party}/link")
    found = re.search(r"/pay/[\w-]{22}", shop.client.get(f"{party}/link").text)
    assert found
    page = found[0]
    shop.send(f"{page}/claims", amount=LARGE, reference="412345678901", note=LONG_WORD)
    trial = urlsplit(shop.send(f"{page}/payments", pay="12.50")).path
    shop.send(trial, outcome="failed")
    shop.send(trial, outcome="partly", amount="5")
    return [
        MainPage("test payment", trial, public=True),
        MainPage("link", f"{party}/link"),
        MainPage("reminder", f"{party}/reminder"),
        MainPage("claims", "/claims"),
        MainPage("collections", "/collections"),
        MainPage("pay page", page, public=True),
        MainPage("pay page of a month", f"{page}?month=2026-02", public=True),
        MainPage("wrong entry", f"{page}/wrong?month=2026-02", public=True),
    ]


def own_pages() -> list[MainPage]:
    """Behind the menu."""
    return [
        MainPage("menu", "/menu"),
        MainPage("devices", "/devices"),
        MainPage("members", "/members"),
        MainPage("phones", "/phones"),
        MainPage("my PIN", "/me/pin"),
        MainPage("daybook", "/daybook?kind=entry"),
        MainPage("me", "/me"),
        MainPage("number", "/me/number"),
        MainPage("recovery code", "/me/recovery"),
        MainPage("hand over", "/handover"),
        MainPage("passkeys", "/passkeys"),
        MainPage("shops", "/shops"),
        MainPage("new shop", "/shops/new"),
        MainPage("shop settings", "/shops/settings"),
        MainPage("exports", "/exports"),
        MainPage("what is kept", "/privacy"),
        MainPage("delete the shop", "/shops/deletion"),
        MainPage("delete the account", "/me/deletion"),
        MainPage("import", "/imports/new"),
    ]


def import_pages(shop: Shop) -> list[MainPage]:
    """A list with refused lines, before it is written."""
    lines = ["name,phone,amount,direction,date"]
    lines += [f"{LONG_NAME},98765{number:05},{LARGE},gave,2026-01-{number + 1:02}" for number in range(7)]
    lines += [f"{LONG_WORD},12,nothing,gave,2026-02-31"]
    files = {"file": ("list.csv", "\n".join(lines).encode(), "text/csv")}
    answer = shop.client.post("/imports", data={"format": "csv"}, files=files)
    assert answer.status_code == 303, answer.text
    return [MainPage("import preview", answer.headers["Location"])]
