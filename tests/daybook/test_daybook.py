"""The journal in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from khata.core import clock
from khata.core.ids import new_id
from khata.daybook.queries import SENTENCES
from khata.journal import queries as journal
from khata.journal.queries import Sought
from tests.client import Browser, sign_in
from tests.factories import DAY, make_party, make_shop, write


def lines(browser: Browser, query: str = "") -> list[str]:
    """What the page says was done, newest first."""
    return re.findall(r'<b dir="auto">([^<]*)</b>', browser.get(f"/daybook{query}").html)


@pytest.fixture
def busy(owner: Browser) -> Browser:
    """An owner who has done a thing of every kind."""
    owner.post("/me", {"name": "Asha", "lang": "en"})
    party = owner.add_party("Ramesh")
    owner.write(party, "gave", "20")
    (entry,) = owner.get(party).links("/entries/")
    owner.post(entry, {"amount": "25", "direction": "got", "version": "1"})
    owner.post(entry + "/deletion")
    owner.post(entry + "/restoration")
    owner.post(party + "/kind", {"kind": "supplier"})
    owner.post("/cash", {"direction": "in", "amount": "7"})
    (cash,) = re.findall(r"/cash/[0-9a-f-]{36}", owner.get("/cash").html)
    owner.post(cash + "/deletion")
    owner.post(cash + "/restoration")
    other = owner.add_party("Ramesh K")
    owner.post(other + "/merge", {"into": party.rpartition("/")[2]})
    owner.post("/shops/settings", {"name": "Asha Kirana", "category": "grocery"})
    return owner


def test_it_works(busy: Browser) -> None:
    assert lines(busy) == [
        "The shop is called Asha Kirana",
        "Ramesh K joined with Ramesh",
        "Ramesh K added",
        "Cash book: brought back a line of ₹7",
        "Cash book: deleted a line of ₹7",
        "Cash in: ₹7",
        "Ramesh moved to suppliers",
        "Ramesh: brought back an entry of ₹25",
        "Ramesh: deleted an entry of ₹25",
        "Ramesh: changed to “you got ₹25”",
        "Ramesh: you gave ₹20",
        "Ramesh added",
        "A member is called Asha",
        "The shop Asha Store was opened",
    ]
    assert "Asha, Browser" in busy.get("/daybook").text


def test_by_kind(busy: Browser) -> None:
    assert lines(busy, "?kind=cash") == [line for line in lines(busy) if "ash" in line[:5]]
    assert len(lines(busy, "?kind=entry")) == 4
    busy.get("/daybook?kind=nonsense", 404)


def test_by_member_and_device(app: Flask, busy: Browser) -> None:
    phone = Browser(app, **{"User-Agent": "Mozilla/5.0 (Linux; Android 9)"})
    sign_in(phone, "+919876543210")
    phone.add_party("From the phone")
    page = busy.get("/daybook")
    device = re.findall(r'<option value="([0-9a-f-]{36})">Android', page.html)[0]
    assert lines(busy, f"?device={device}") == [
        "From the phone added",
        "Asha signed in on another device: Android",
    ]
    member = re.findall(r'<option value="([0-9a-f-]{36})">Asha', page.html)[0]
    assert len(lines(busy, f"?member={member}&kind=party")) == 5


@pytest.mark.parametrize("asked", ["member=zzz", "device=zzz", "member={id}", "device={id}", "member=%f0"])
def test_nobodys_lines_are_not_everybodys(busy: Browser, asked: str) -> None:
    busy.get(f"/daybook?{asked.format(id=new_id())}", 404)
    assert lines(busy, "?member=&device=&kind=&day=") == lines(busy)


def test_by_day_on_the_shops_clock(owner: Browser) -> None:
    today = clock.today("Asia/Kolkata")
    owner.add_party("Today")
    tomorrow = clock.start_of(today + timedelta(days=1), "Asia/Kolkata") + timedelta(minutes=1)
    with time_machine.travel(tomorrow, tick=True):
        owner.add_party("Just after midnight")
    assert lines(owner, f"?day={today}") == ["Today added", "The shop Asha Store was opened"]
    assert lines(owner, f"?day={today + timedelta(days=1)}") == ["Just after midnight added"]
    assert lines(owner, f"?day={today - timedelta(days=1)}") == []
    owner.get("/daybook?day=2026-02-31", 422)


def test_older_pages_and_windows(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = make_shop()
    party = make_party(shop)
    for _number in range(130):
        write(shop, party, "gave", 100, DAY)
    seen: list[int] = []
    before: int | None = 2**62
    while before is not None:
        rows, before = journal.newest_lines(shop.shop_id, Sought(), min(before, 133))
        seen += [row.seq for row in rows]
    assert seen == list(range(132, 0, -1))
    monkeypatch.setattr(journal, "WINDOW", 10)
    found, before = [], 133
    while before is not None:
        rows, before = journal.newest_lines(shop.shop_id, Sought(kind="shop."), before)
        found += [row.kind for row in rows]
    assert found == ["shop.opened"]


def test_another_shops_lines_are_not_there(busy: Browser, stranger: Browser) -> None:
    assert lines(stranger) == ["The shop Other Store was opened"]


def test_names_are_escaped_and_percent_signs_stay(owner: Browser) -> None:
    owner.add_party("<b>100%(x)s</b>")
    assert lines(owner)[0] == "&lt;b&gt;100%(x)s&lt;/b&gt; added"


def test_every_kind_that_is_written_has_its_sentence(busy: Browser, open_shop: Callable[..., Browser]) -> None:
    with busy.app.app_context():
        from khata.accounts.queries import all_shops

        kinds = {line.kind for shop in all_shops() for line in journal.chain(shop.id)}
    assert kinds <= {key if key.count(".") == 1 else key.rpartition(".")[0] for key in SENTENCES}


def test_a_piece_for_htmx(busy: Browser) -> None:
    page = busy.get("/daybook", **{"HX-Request": "true", "HX-Request-Type": "partial"})
    assert page.ids[0] == "lines"
