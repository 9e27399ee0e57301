"""Reminding one party from the phone in the hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from khata.core import clock
from khata.core.db import db
from khata.errors import Invalid
from khata.messages.models import Message
from khata.messages.texts import PLACES, check_text, fill, isolated
from tests.client import Browser


@pytest.fixture
def party(owner: Browser) -> str:
    made = owner.add_party("Ramesh", phone="98765 43211")
    owner.write(made, "gave", "500")
    return made


def sent(owner: Browser) -> list[Message]:
    with owner.app.app_context():
        return list(db.session.scalars(sa.select(Message).where(Message.kind == "reminder").order_by(Message.id)))


def test_two_taps(owner: Browser, visitor: Browser, party: str) -> None:
    assert f"{party}/reminder" in owner.get(party).links("/parties/")
    page = owner.get(f"{party}/reminder")
    assert "₹500" in page.text
    owner.post(f"{party}/reminder", {"id": page.hidden("id"), "channel": "whatsapp"})
    url = urlsplit(str(owner.location))
    assert (url.netloc, url.path) == ("wa.me", "/919876543211")
    (text,) = parse_qs(url.query)["text"]
    assert "Ramesh" in text
    assert "₹500 is open at Asha Store" in text
    link = text.split()[-1]
    (message,) = sent(owner)
    assert (message.state, message.is_by_hand, message.amount_minor, message.body) == ("sent", True, 50000, text)
    assert message.member_id
    assert message.device_id
    assert "Last reminded" in owner.get(f"{party}/reminder").text
    assert "₹500" in visitor.get(urlsplit(link).path).text
    assert sent(owner)[0].state == "clicked"
    told = owner.get("/daybook?kind=pay").text
    assert "Ramesh was reminded of ₹500" in told


def test_by_sms(owner: Browser, party: str) -> None:
    owner.post(f"{party}/reminder", {"channel": "sms", "body": "Pay & be happy + glad #1"})
    assert owner.location == "sms:+919876543211?body=Pay%20%26%20be%20happy%20%2B%20glad%20%231"


def test_the_same_form_twice_is_one_reminder(owner: Browser, party: str) -> None:
    form_id = owner.get(f"{party}/reminder").hidden("id")
    for _time in range(2):
        owner.post(f"{party}/reminder", {"id": form_id, "channel": "sms"})
    assert len(sent(owner)) == 1


def test_looking_writes_nothing(owner: Browser, party: str) -> None:
    owner.get(f"{party}/reminder")
    assert not sent(owner)
    assert "/pay/" not in owner.get(party).html


def test_without_a_number(owner: Browser) -> None:
    party = owner.add_party("Sunita")
    owner.write(party, "gave", "5")
    assert "no number" in owner.get(f"{party}/reminder").text
    owner.post(f"{party}/reminder", {"channel": "whatsapp", "body": "Hello"})
    assert owner.location == "https://wa.me/?text=Hello"


def test_the_day_it_was_due(owner: Browser, party: str) -> None:
    today = clock.today("Asia/Kolkata")
    for days, words in ((-3, "was due on"), (0, "is due on"), (5, "is due on")):
        due = today + timedelta(days=days)
        owner.post(party, {"name": "Ramesh", "phone": "9876543211", "due_on": due.isoformat()})
        assert f"{words} {due.day} {due:%b}" in owner.get(f"{party}/reminder").html


def test_in_the_customers_language(owner: Browser, party: str) -> None:
    owner.post(party, {"name": "Ramesh", "phone": "9876543211", "lang": "hi"})
    html = owner.get(f"{party}/reminder").html
    assert "नमस्ते" in html
    assert 'lang="hi"' in html
    owner.post(f"{party}/reminder", {"channel": "sms"})
    assert "%E0%A4" in str(owner.location)
    assert sent(owner)[-1].lang == "hi"


def test_nothing_is_owed(owner: Browser, party: str) -> None:
    owner.write(party, "got", "500")
    assert "/reminder" not in "".join(owner.get(party).links("/"))
    assert "Nothing is open" in owner.get(f"{party}/reminder").text
    owner.post(f"{party}/reminder", {"channel": "sms"}, status=422)
    assert not sent(owner)


@pytest.mark.parametrize("form", [{"channel": ""}, {"channel": "pigeon"}, {"channel": "sms", "body": "x" * 1001}])
def test_what_can_not_be_sent(owner: Browser, party: str, form: dict[str, str]) -> None:
    refused = owner.post(f"{party}/reminder", form, status=422)
    assert form.get("body", "")[:50] in refused.html
    assert not sent(owner)


def test_who_may_not(owner: Browser, hire: Callable[..., Browser], party: str) -> None:
    cashier = hire("cashier")
    cashier.post(f"{party}/reminder", {"channel": "sms"}, status=403)
    cashier.get(f"{party}/reminder", 403)
    assert "/reminder" not in cashier.get(party).html
    assert not sent(owner)


def test_forms_lead_nowhere_else(owner: Browser, party: str) -> None:
    policy = owner.raw("GET", f"{party}/reminder").headers["Content-Security-Policy"]
    (rule,) = [part for part in policy.split("; ") if part.startswith("form-action")]
    assert rule.split()[1:3] == ["'self'", "https://wa.me"]
    assert "form-action 'self';" in owner.raw("GET", party).headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "text",
    ["{nobody}", "{name", "name}", "{{name}}", "{name{amount}}", "{}", "{Name}", "{name!r}", "{link:>9}", "x" * 1001],
)
def test_a_text_that_can_not_be_filled(text: str) -> None:
    with pytest.raises(Invalid):
        check_text(text)


@given(
    st.text().filter(lambda text: not set("{}") & set(text)),
    st.dictionaries(st.sampled_from(PLACES), st.text(), min_size=5),
)
def test_what_is_filled_in_is_never_read_again(words: str, values: dict[str, str]) -> None:
    """A customer called {link} is called {link}."""
    values["name"] = "{link} {amount}"
    filled = fill(words + "{name}", values)
    assert filled == words + "{link} {amount}"


def test_no_hole_is_sent() -> None:
    assert fill("{name}: {due}", {"name": "Ramesh", "due": ""}) is None
    assert fill("{name}: {due}", {"name": "Ramesh"}) is None


def test_names_of_the_other_direction_are_kept_apart() -> None:
    assert isolated("Ramesh", is_right_to_left=False) == "Ramesh"
    assert isolated("رمیش", is_right_to_left=True) == "رمیش"
    assert isolated("رمیش", is_right_to_left=False) == "\u2068رمیش\u2069"
    assert isolated("Ramesh", is_right_to_left=True) == "\u2068Ramesh\u2069"
