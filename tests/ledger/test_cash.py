"""The cash book: cash in and out by day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from khata.core.ids import new_id
from tests.client import Browser, Page
from tests.factories import today


def record(browser: Browser, direction: str, amount: str, status: int = 303, **more: str) -> Page:
    return browser.post("/cash", {"direction": direction, "amount": amount, **more}, status=status)


def figures(page: Page) -> tuple[str, ...]:
    """(in, out, opening, closing)"""
    return tuple(part.split("</bdi>")[0] for part in page.html.split("<dd><bdi>")[1:5])


def lines(page: Page) -> list[str]:
    return [item["id"] for item in page.all("li") if item.get("id", "").startswith("c-")]


def test_it_works(owner: Browser) -> None:
    record(owner, "in", "500+250", category="sale", note="morning")
    assert owner.location == f"/cash?on={today()}"
    record(owner, "out", "100", category="rent", note="shop")
    page = owner.get("/cash")
    assert figures(page) == ("₹750", "₹100", "₹0", "₹650")
    for word in ("Sale", "Rent", "morning", "shop", "In the box now"):
        assert word in page.text


def test_a_day_opens_with_what_the_last_one_closed_with(owner: Browser) -> None:
    first, second = (today() - timedelta(days=days) for days in (3, 1))
    record(owner, "in", "100", on=first.isoformat())
    record(owner, "out", "30", on=second.isoformat())
    assert figures(owner.get(f"/cash?on={first}")) == ("₹100", "₹0", "₹0", "₹100")
    assert figures(owner.get(f"/cash?on={second}")) == ("₹0", "₹30", "₹100", "₹70")
    assert figures(owner.get("/cash")) == ("₹0", "₹0", "₹70", "₹70")
    record(owner, "out", "200", on=first.isoformat())
    assert figures(owner.get("/cash"))[2:] == ("−₹130", "−₹130"), "what is wrong is shown, not hidden"
    page = owner.get(f"/cash?on={second}")
    assert page.links("/cash?on=") == [f"/cash?on={second - timedelta(days=1)}", f"/cash?on={today()}"]


def test_entries_paid_in_cash_count(owner: Browser) -> None:
    party = owner.add_party("Ramesh")
    owner.write(party, "got", "80", in_cash="1")
    owner.write(party, "gave", "20", in_cash="1")
    owner.write(party, "got", "5")
    page = owner.get("/cash")
    assert figures(page) == ("₹80", "₹20", "₹0", "₹60")
    assert page.links("/parties/") == [party, party]
    entry = owner.get(party).links("/entries/")[-1]
    owner.post(f"{entry}/deletion")
    page = owner.get("/cash")
    assert figures(page) == ("₹0", "₹20", "₹0", "−₹20")
    assert page.links("/parties/") == [party]
    owner.post(f"{entry}/restoration")
    assert figures(owner.get("/cash")) == ("₹80", "₹20", "₹0", "₹60")


def test_a_line_is_struck_through_and_brought_back(owner: Browser) -> None:
    record(owner, "in", "100", id="00000000-0000-7000-8000-000000000001")
    line = "/cash/00000000-0000-7000-8000-000000000001"
    for _time in range(2):
        owner.post(f"{line}/deletion", then=f"/cash?on={today()}")
    page = owner.get("/cash")
    assert figures(page) == ("₹0", "₹0", "₹0", "₹0")
    assert "<del>" in page.html
    assert f"{line}/restoration" in [form["action"] for form in page.all("form")]
    for _time in range(2):
        owner.post(f"{line}/restoration", then=f"/cash?on={today()}")
    assert figures(owner.get("/cash"))[0] == "₹100"


def test_the_same_line_twice_is_one(owner: Browser) -> None:
    id_ = str(new_id())
    for _time in range(2):
        record(owner, "in", "100", id=id_)
    page = owner.get("/cash")
    assert len(lines(page)) == 1
    assert figures(page) == ("₹100", "₹0", "₹0", "₹100")


def test_the_same_id_with_other_content_is_409_and_keeps_what_was_typed(owner: Browser) -> None:
    id_ = str(new_id())
    record(owner, "in", "100", id=id_)
    page = record(owner, "out", "70", status=409, id=id_, note="typed")
    assert "already written" in page.text
    assert (page.hidden("amount"), page.hidden("note")) == ("70", "typed")
    assert page.hidden("id") != id_
    assert figures(owner.get("/cash")) == ("₹100", "₹0", "₹0", "₹100")


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("amount", "0"),
        ("amount", "5/0"),
        ("amount", ""),
        ("on", "2026-02-31"),
        ("on", "2999-01-01"),
        ("category", "x"),
        ("direction", "up"),
        ("note", "x" * 501),
    ],
)
def test_bad_input_gets_one_sentence_and_stays(owner: Browser, field: str, typed: str) -> None:
    fields = {"direction": "in", "amount": "5", "category": "sale", "on": today().isoformat(), field: typed}
    page = owner.post("/cash", fields, status=422)
    assert [span["id"] for span in page.all("span") if span.get("class") == "err"] == [f"e-{field}"]
    if field not in ("direction", "category"):
        assert page.hidden(field) == typed
    assert lines(owner.get("/cash")) == []


@pytest.mark.parametrize("day", ["2026-02-31", "x", "0000-00-00", "1899-12-31", "\x00", "9" * 50])
def test_a_day_that_is_none(owner: Browser, day: str) -> None:
    assert owner.raw("GET", "/cash", query_string={"on": day}).status_code == 422


@pytest.mark.parametrize("day", ["1900-01-01", "9999-12-31", "2027-01-01"])
def test_days_far_away(owner: Browser, day: str) -> None:
    assert figures(owner.get(f"/cash?on={day}")) == ("₹0", "₹0", "₹0", "₹0")
