"""The languages on offer are really spoken."""

from __future__ import annotations

from tests.client import Browser


def test_it_works(visitor: Browser) -> None:
    page = visitor.get("/sign-in?lang=hi")
    assert page.all("html")[0]["lang"] == "hi"
    assert "मोबाइल" in page.text or "फ़ोन" in page.text


def test_a_persons_pages_are_in_their_language(owner: Browser) -> None:
    party = owner.add_party("Ramesh")
    owner.get("/?lang=hi")
    assert "आपको मिले" in owner.get(party).text
    assert "आपको मिले" not in owner.get(party + "?lang=en").text


def test_a_refusal_is_in_their_language(owner: Browser) -> None:
    party = owner.add_party("Ramesh")
    owner.get("/?lang=hi")
    page = owner.post(f"{party}/entries", {"direction": "gave", "amount": "0"}, status=422)
    assert "The amount" not in page.text


def test_a_code_is_sent_in_their_language(visitor: Browser) -> None:
    visitor.get("/sign-in?lang=hi")
    visitor.post("/sign-in", {"phone": "98765 43210"}, then="/sign-in/code")
    assert "is your Khata code" not in visitor.outbox()[-1]["body"]
