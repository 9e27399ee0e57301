"""Shops: the first one, several, switching, settings."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from khata.accounts.models import Shop
from khata.core.db import db
from khata.core.ids import new_id
from tests.client import Browser, sign_in


def shop(browser: Browser, name: str = "Asha Store") -> sa.Row[tuple[object, ...]]:
    with browser.app.app_context(), db.engine.connect() as connection:
        return connection.execute(sa.select(Shop.__table__).where(Shop.__table__.c.name == name)).one()


def test_it_works(owner: Browser) -> None:
    owner.post("/shops/new", {"name": "Second Shop", "category": "clothes"}, then="/")
    assert "Second Shop" in owner.get("/").text
    page = owner.get("/shops")
    assert "Asha Store" in page.text
    (switch,) = [form["action"] for form in page.all("form") if form["action"].endswith("/current")]
    owner.post(switch, then="/")
    assert "Asha Store" in owner.get("/").text


@pytest.mark.parametrize(
    ("phone", "country", "currency", "time_zone"),
    [
        ("+919876500001", "IN", "INR", "Asia/Kolkata"),
        ("+12125550123", "US", "USD", "America/New_York"),
        ("+821012345678", "KR", "KRW", "Asia/Seoul"),
        ("+96550000001", "KW", "KWD", "Asia/Kuwait"),
    ],
)
def test_country_of_the_number_proposes(
    visitor: Browser, phone: str, country: str, currency: str, time_zone: str
) -> None:
    sign_in(visitor, phone)
    page = visitor.get("/shops/new")
    assert page.text.index(currency) < page.text.index("NGN")
    visitor.post("/shops/new", {"name": "Asha Store"}, then="/")
    made = shop(visitor)
    assert (made.country, made.currency, made.time_zone, made.category) == (country, currency, time_zone, "other")


def test_another_currency_and_time_zone_may_be_chosen(visitor: Browser) -> None:
    sign_in(visitor, "+919876500001")
    visitor.post("/shops/new", {"name": "Asha Store", "currency": "AED", "time_zone": "Asia/Dubai"}, then="/")
    assert (shop(visitor).currency, shop(visitor).time_zone) == ("AED", "Asia/Dubai")
    party = visitor.add_party()
    assert "AED" in visitor.write(party, "gave", "12.50").text


def test_a_category_in_ones_own_words(owner: Browser) -> None:
    owner.post("/shops/settings", {"name": "Asha Store", "category": "other", "category_other": " Kites  & string "})
    assert shop(owner).category == "Kites & string"
    assert owner.get("/shops/settings").hidden("category_other") == "Kites & string"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 500),
        ("name", "\u200b\u202e"),
        ("currency", "XXX"),
        ("currency", "<b>"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("category", "x" * 50),
        ("category_other", "x" * 50),
    ],
)
def test_bad_input_is_said_and_kept(owner: Browser, field: str, value: str) -> None:
    typed = {"name": "Good Name", "category": "other", field: value}
    page = owner.post("/shops/new", typed, status=422)
    assert any(span.get("class") == "err" for span in page.all("span"))
    assert page.hidden("name") == typed["name"]


def test_names_are_shown_as_they_are(owner: Browser) -> None:
    owner.post("/shops/settings", {"name": "<script>alert(1)</script> & Sons", "category": "milk"})
    for url in ("/", "/menu", "/shops", "/shops/settings"):
        page = owner.get(url)
        assert "<script>alert" not in page.html
    assert "<script>alert(1)</script> & Sons" in owner.get("/").text


def test_only_ones_own_shops(owner: Browser, stranger: Browser) -> None:
    theirs = shop(stranger, "Other Store")
    assert "Other Store" not in owner.get("/shops").text
    owner.post(f"/shops/{theirs.id}/current", status=404)
    owner.post(f"/shops/{new_id()}/current", status=404)
    assert "Asha Store" in owner.get("/").text


def test_shops_of_one_person_are_two_ledgers(owner: Browser) -> None:
    party = owner.add_party("Ramesh")
    owner.post("/shops/new", {"name": "Second Shop"})
    owner.get(party, status=404)
    owner.post(f"{party}/entries", {"direction": "gave", "amount": "5"}, status=404)
    assert "Ramesh" not in owner.get("/").text


def test_a_ledger_in_won_has_no_decimals(open_shop: object, visitor: Browser) -> None:
    sign_in(visitor, "+821012345678")
    visitor.post("/shops/new", {"name": "Seoul Store"})
    party = visitor.add_party()
    visitor.post(f"{party}/entries", {"direction": "gave", "amount": "12.50"}, status=422)
    assert "₩1,250" in visitor.write(party, "gave", "1250").text


def test_a_ledger_in_dinar_has_three_decimals(visitor: Browser) -> None:
    sign_in(visitor, "+96550000001")
    visitor.post("/shops/new", {"name": "Kuwait Store"})
    party = visitor.add_party()
    assert "1.255" in visitor.write(party, "gave", "1.255").text
