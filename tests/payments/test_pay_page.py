"""The page a customer opens: what is owed, what they say, and that it is theirs alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine

from khata.accounts.models import Shop
from khata.core import clock
from khata.core.db import db, transaction
from khata.ledger.verification import differences
from khata.payments.models import Claim, PayLink
from tests.client import Browser
from tests.factories import picture, row_of, upload


def link_of(owner: Browser, party: str) -> str:
    """Make the party's link and give its path."""
    owner.post(f"{party}/link")
    (url,) = {one for one in owner.get(f"{party}/link").links("http") if "/pay/" in one}
    return url.removeprefix("http://localhost")


@pytest.fixture
def party(owner: Browser) -> str:
    made = owner.add_party("Ramesh", phone="98765 43211")
    owner.write(made, "gave", "500", note="Rice")
    return made


@pytest.fixture
def page(owner: Browser, party: str) -> str:
    return link_of(owner, party)


def test_it_tells_what_is_owed(visitor: Browser, page: str) -> None:
    seen = visitor.get(page)
    for words in ("Asha Store", "Ramesh", "You have to pay", "₹500", "Rice"):
        assert words in seen.text
    assert not visitor.client.get_cookie("khata_visit")


def test_the_partys_page_shows_the_link(owner: Browser, party: str, page: str) -> None:
    assert f"http://localhost{page}" in owner.get(party).links("http")


def test_of_nobody_else(owner: Browser, visitor: Browser, page: str) -> None:
    other = owner.add_party("Sunita")
    owner.write(other, "gave", "77777")
    seen = visitor.get(page)
    assert "Sunita" not in seen.html
    assert "77,777" not in seen.html


def test_a_new_link_ends_the_old_one(owner: Browser, visitor: Browser, party: str, page: str) -> None:
    fresh = link_of(owner, party)
    assert fresh != page
    visitor.get(page, 404)
    visitor.get(fresh)


def test_taken_back(owner: Browser, visitor: Browser, party: str, page: str) -> None:
    owner.post(f"{party}/link/end")
    visitor.get(page, 404)
    visitor.post(f"{page}/claims", {"amount": "5"}, status=404)
    assert not [one for one in owner.get(party).links("http") if "/pay/" in one]


def test_guessed(visitor: Browser) -> None:
    visitor.get("/pay/" + "A" * 22, 404)
    visitor.get("/pay/short", 404)


def test_it_ends_when_the_shop_says(owner: Browser, visitor: Browser, party: str) -> None:
    owner.post("/shops/settings", {"link_days": "30"})
    page = link_of(owner, party)
    visitor.get(page)
    with time_machine.travel(clock.now() + timedelta(days=30, seconds=1), tick=False):
        visitor.get(page, 404)


def test_a_reader_of_the_database_has_no_link(owner: Browser, page: str) -> None:
    token = page.rpartition("/")[2]
    with owner.app.app_context():
        row = db.session.scalars(sa.select(PayLink)).one()
        assert token.encode() not in row.token_hash


def test_what_is_said_waits_for_the_shop(owner: Browser, visitor: Browser, party: str, page: str) -> None:
    visitor.post(f"{page}/claims", {"amount": "200", "reference": "412345678901"}, then=f"{page}?said=paid")
    assert "has not answered" in visitor.get(page).text
    shown = owner.get(party)
    assert "You will get ₹500" in shown.text  # nothing changed yet
    (confirm,) = [form["action"] for form in shown.all("form") if form["action"].endswith("/confirmation")]
    for _time in range(2):
        owner.post(confirm, then=party)
    shown = owner.get(party)
    assert "You will get ₹300" in shown.text
    assert shown.text.count("412345678901") == 1
    assert "says so, too" in visitor.get(page).text
    owner.post(confirm.replace("confirmation", "refusal"), status=409)


def test_what_is_not_so_changes_nothing(owner: Browser, visitor: Browser, party: str, page: str) -> None:
    visitor.post(f"{page}/claims", {"amount": "200"})
    (refuse,) = [form["action"] for form in owner.get(party).all("form") if form["action"].endswith("/refusal")]
    owner.post(refuse, then=party)
    assert "You will get ₹500" in owner.get(party).text
    assert "sees it otherwise" in visitor.get(page).text
    owner.post(refuse.replace("refusal", "confirmation"), status=409)


def test_an_entry_is_wrong(owner: Browser, visitor: Browser, party: str, page: str) -> None:
    form = visitor.get(f"{page}/wrong")
    (seq,) = [field["value"] for field in form.all("input") if field.get("type") == "radio"]
    refused = visitor.post(f"{page}/claims", {"kind": "wrong", "entry": seq}, status=422)
    assert "Say what is wrong" in refused.text
    visitor.post(f"{page}/claims", {"kind": "wrong", "entry": seq, "note": "It was 400"}, then=f"{page}?said=wrong")
    shown = owner.get("/claims")
    assert "It was 400" in shown.text
    assert shown.links("/entries/")
    (seen_to,) = [form["action"] for form in shown.all("form") if form["action"].endswith("/confirmation")]
    owner.post(seen_to, then=party)
    assert "You will get ₹500" in owner.get(party).text


@pytest.mark.parametrize("entry", ["", "99999", "-1", "x"])
def test_an_entry_of_nobody(visitor: Browser, page: str, entry: str) -> None:
    visitor.post(f"{page}/claims", {"kind": "wrong", "entry": entry, "note": "?"}, status=422)


@pytest.mark.parametrize("amount", ["", "0", "-5", "1.234", "ten", "1" * 30])
def test_an_amount_that_is_none(visitor: Browser, page: str, amount: str) -> None:
    refused = visitor.post(f"{page}/claims", {"amount": amount, "reference": "4711"}, status=422)
    assert refused.hidden("reference") == "4711"


def test_the_same_form_twice_is_one_claim(visitor: Browser, page: str) -> None:
    form_id = visitor.get(page).hidden("id")
    for _time in range(2):
        visitor.post(f"{page}/claims", {"id": form_id, "amount": "20"})
    visitor.post(f"{page}/claims", {"id": form_id, "amount": "21"}, status=409)
    with visitor.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Claim)) == 1


def test_nobody_floods_the_shop(visitor: Browser, page: str) -> None:
    for number in range(5):
        visitor.post(f"{page}/claims", {"amount": str(number + 1)})
    visitor.post(f"{page}/claims", {"amount": "9"}, status=429)


def test_from_another_site(visitor: Browser, page: str) -> None:
    visitor.post(f"{page}/claims", {"amount": "5"}, status=403, Origin="https://elsewhere.example")


def test_month_by_month(owner: Browser, visitor: Browser, party: str) -> None:
    today = clock.today("Asia/Kolkata")
    owner.write(party, "gave", "40", on=(today.replace(day=1) - timedelta(days=1)).isoformat(), note="Last month")
    page = link_of(owner, party)
    now = visitor.get(page)
    assert "Last month" not in now.text
    (older,) = list(now.links(f"{page}?month="))
    before = visitor.get(older)
    assert "Last month" in before.text
    assert "Rice" not in before.text
    assert list(before.links(f"{page}?month="))
    visitor.get(f"{page}?month=0000-99")
    visitor.get(f"{page}?month=9999-12")
    visitor.get(f"{page}?month=0001-01")


def test_in_the_customers_language(owner: Browser, visitor: Browser, party: str, page: str) -> None:
    assert 'lang="en"' in visitor.get(page).html
    visitor.post(f"{page}/language", {"lang": "hi"}, then=page)
    assert '<html lang="hi"' in visitor.get(page).html
    assert '<html lang="hi"' in Browser(visitor.app).get(page).html
    visitor.post(f"{page}/language", {"lang": "xx"})
    assert '<html lang="hi"' in visitor.get(page).html
    with owner.app.app_context():
        row = row_of(UUID(party.rpartition("/")[2]))
        assert row.lang == "hi"
        assert not list(differences(row.shop_id, "INR"))


def test_opening_is_told_once_a_day(owner: Browser, visitor: Browser, party: str, page: str) -> None:
    assert "Not opened" in owner.get(f"{party}/link").text
    for _time in range(3):
        visitor.get(page)
    assert "Opened" in owner.get(f"{party}/link").text
    assert owner.get("/daybook?kind=pay").text.count("Ramesh opened their page") == 1


def test_joined_with_another_account(owner: Browser, visitor: Browser, party: str, page: str) -> None:
    other = owner.add_party("Ramesh Kumar")
    owner.write(other, "gave", "60")
    visitor.post(f"{page}/claims", {"amount": "10"})
    (confirm,) = [form["action"] for form in owner.get(party).all("form") if form["action"].endswith("/confirmation")]
    owner.post(f"{party}/merge", {"into": other.rpartition("/")[2]})
    seen = visitor.get(page)
    assert "Ramesh Kumar" in seen.text
    assert "₹560" in seen.text
    owner.post(confirm, then=other)
    assert "₹550" in visitor.get(page).text


def test_of_a_deleted_party(owner: Browser, visitor: Browser) -> None:
    party = owner.add_party("Gone")
    page = link_of(owner, party)
    owner.post(f"{party}/deletion")
    visitor.get(page, 404)
    owner.post(f"{party}/link", status=422)


def test_of_a_shop_that_is_closing(owner: Browser, visitor: Browser, page: str) -> None:
    with owner.app.app_context(), transaction():
        db.session.execute(sa.update(Shop).values(erase_at=clock.now() + timedelta(days=30)))
    visitor.get(page, 404)


def test_a_member_of_another_shop_is_a_customer_here(stranger: Browser, page: str) -> None:
    seen = stranger.get(page)
    assert "You have to pay" in seen.text
    assert "Other Store" not in seen.html
    assert "Other Store" in stranger.get("/").text


def test_the_shops_photo(owner: Browser, visitor: Browser, page: str) -> None:
    visitor.get(f"{page}/photo", 404)
    owner.post("/shops/settings", {"photo": upload(picture())})
    assert visitor.raw("GET", f"{page}/photo", buffered=True).mimetype == "image/jpeg"
    assert f"{page}/photo" in [image["src"] for image in visitor.get(page).all("img")]


def test_it_is_light(visitor: Browser, page: str) -> None:
    answer = visitor.raw("GET", page, headers={"Accept-Encoding": "br"})
    assert len(answer.data) < 6000


def test_settings_that_are_not_named_stay(owner: Browser) -> None:
    owner.post("/shops/settings", {"upi_address": "asha@okbank"})
    owner.post("/shops/settings", {"city": "Pune"})
    shown = owner.get("/shops/settings")
    assert (shown.hidden("name"), shown.hidden("upi_address"), shown.hidden("city")) == (
        "Asha Store",
        "asha@okbank",
        "Pune",
    )


@pytest.mark.parametrize(
    "typed", ["asha", "a sha@okbank", "asha@ok bank", "@okbank", "asha@", "asha@ok&am=1", "a" * 60 + "@ok", "asha@ok\n"]
)
def test_a_upi_address_that_is_none(owner: Browser, typed: str) -> None:
    page = owner.post("/shops/settings", {"upi_address": typed.replace("\n", "\nx")}, status=422)
    assert "name@bank, without spaces" in page.text


def test_who_may_not(owner: Browser, hire: Callable[..., Browser], party: str) -> None:
    cashier = hire("cashier")
    cashier.post(f"{party}/link", status=403)
    assert not re.search(r"/pay/", cashier.get(party).html)
