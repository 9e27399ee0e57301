"""The home page: totals, orders, filters, more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from khata.core import clock, prepared
from khata.core.db import db
from khata.core.ids import new_id
from khata.ledger import queries
from tests.client import Browser, Page
from tests.factories import DAY, make_party, make_shop, today, write


def names(page: Page) -> list[str]:
    """The parties of a list, in order."""
    return [part.split("</b>")[0] for part in page.html.split("<b>")[1:]]


@pytest.fixture
def filled(owner: Browser) -> Browser:
    """Debtors, a creditor and one who is even, each with a day between."""
    start = clock.now() - timedelta(days=20)
    story = (
        ("chitra", "gave", "30", 9),
        ("Bablu", "gave", "100", 12),
        ("अनिल", "gave", "20", 15),
        ("Devi", "got", "40", 3),
        ("Even", "", "", 0),
    )
    for number, (name, direction, amount, age) in enumerate(story):
        with time_machine.travel(start + timedelta(days=number)):
            party = owner.add_party(name)
            if amount:
                owner.write(party, direction, amount, on=(today() - timedelta(days=age)).isoformat())
    return owner


def test_it_works(filled: Browser) -> None:
    page = filled.get("/")
    assert "You will get₹150" in page.text
    assert "You will give₹40" in page.text
    assert "In all₹110" in page.text
    assert names(page) == ["Even", "Devi", "अनिल", "Bablu", "chitra"]


def test_an_empty_ledger_says_what_to_do(owner: Browser) -> None:
    assert "Add the first customer" in owner.get("/").text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=activity", ["Even", "Devi", "अनिल", "Bablu", "chitra"]),
        ("sort=name", ["Bablu", "chitra", "Devi", "Even", "अनिल"]),
        ("sort=amount", ["Bablu", "chitra", "अनिल", "Even", "Devi"]),
        ("filter=owes&sort=amount", ["Bablu", "chitra", "अनिल"]),
        ("filter=owed", ["Devi"]),
        ("filter=settled", ["Even"]),
        ("filter=settled&sort=oldest", ["Even"]),
        ("filter=overdue", []),
        ("filter=due-today", []),
        ("sort=nonsense&filter=nonsense&kind=nonsense", ["Even", "Devi", "अनिल", "Bablu", "chitra"]),
    ],
)
def test_orders_and_filters(filled: Browser, query: str, expected: list[str]) -> None:
    assert names(filled.get(f"/?{query}")) == expected


def test_oldest_debt_first(filled: Browser) -> None:
    assert names(filled.get("/?sort=oldest")) == ["अनिल", "Bablu", "chitra", "Devi", "Even"]


def test_the_chosen_order_holds(filled: Browser) -> None:
    filled.get("/?sort=name")
    assert names(filled.get("/"))[0] == "Bablu"
    assert names(filled.get("/?filter=owes"))[0] == "Bablu"
    filled.get("/?sort=amount")
    assert names(filled.get("/"))[1] == "chitra"
    filled.client.set_cookie("khata_sort", "<script>")
    assert names(filled.get("/"))[0] == "Even"


def test_a_search_is_a_piece_for_htmx(filled: Browser) -> None:
    page = filled.get("/?q=bab&sort=name&filter=all", **{"HX-Request": "true", "HX-Request-Type": "partial"})
    assert page.ids == ["parties"]
    assert names(page) == ["Bablu"]


@pytest.mark.parametrize("sort", sorted(queries.SORTS))
def test_more_goes_on_where_the_page_ended(context: Flask, sort: str) -> None:
    """45 parties, many with the same amount, day, moment and name: each comes once, in order."""
    shop = make_shop()
    with time_machine.travel(clock.now(), tick=False):
        for number in range(45):
            party = make_party(shop, f"Name {number % 4}")
            if number > 20:
                continue  # no debt
            write(shop, party, "gave", 100 * (1 + number % 3), DAY - timedelta(days=number % 5))
    seen: list[UUID] = []
    after = None
    for _page in range(4):
        rows, after = queries.list_parties(shop.shop_id, "customer", sort, "all", DAY, after)
        seen += [row.id for row in rows]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 45


@pytest.mark.parametrize("sort", sorted(queries.SORTS))
def test_more_on_the_web(owner: Browser, sort: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "HOME_PAGE", 2)
    queries._listing.cache_clear()
    for number in range(5):
        owner.write(owner.add_party(f"Party {number}"), "gave", str(5 + number))
    try:
        url, seen = f"/?sort={sort}&filter=owes", []
        for _page in range(3):
            page = owner.get(url)
            seen += names(page)
            more = page.links("/?filter=owes&sort=")
            url = more[0] if more else ""
        assert url == ""
        assert sorted(seen) == [f"Party {number}" for number in range(5)]
    finally:
        queries._listing.cache_clear()


@pytest.mark.parametrize("sort", sorted(queries.SORTS))
@pytest.mark.parametrize(
    "place", ["x", "~", "~~", "x~y", "\x00~{id}", "5~{id}", "-5~{id}", "2026-01-01~{id}", "9" * 30 + "~{id}", "é" * 500]
)
def test_a_strange_place_is_not_there_or_empty(owner: Browser, sort: str, place: str) -> None:
    place = place.replace("{id}", "0" * 32)
    assert owner.raw("GET", "/", query_string={"sort": sort, "after": place}).status_code in (200, 404)


def statements(browser: Browser, url: str) -> int:
    """How many SQL statements a page takes that was not kept: through SQLAlchemy, and those on the driver's cursor."""
    count = 0
    run = prepared._run

    def note(*args: Any) -> Any:
        nonlocal count
        count += 1
        return run(*args) if len(args) == 3 else None

    with browser.app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prepared, "_run", note)
            browser.get(f"{url}{'&' if '?' in url else '?'}fresh={new_id()}")
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return count


def test_a_page_takes_no_more_statements_as_it_grows(owner: Browser) -> None:
    party = owner.add_party("First", due_on=today().isoformat(), credit_limit="5")
    urls = ("/", "/?q=part", party, f"{party}/statement", "/cash", "/shops")
    owner.write(party, "gave", "5")
    before = {url: statements(owner, url) for url in urls}
    for number in range(12):
        owner.add_party(f"Party {number}")
        owner.write(party, "gave", "5", in_cash="1")
    owner.post(owner.get(party).links("/entries/")[0] + "/deletion")
    with owner.app.app_context():
        db.session.remove()
    for url in urls:
        most = before[url] + (1 if url == party else 0)  # one more for the names of who deleted
        assert statements(owner, url) <= most, url
        assert 2 <= most <= 8, url
