"""Writing entries, as a person does it."""

from __future__ import annotations

from tests.client import Browser


def test_it_works(owner: Browser) -> None:
    party = owner.add_party("Ramesh", phone="98765 00001")
    owner.write(party, "gave", "120+80*2", note="rice")
    page = owner.write(party, "got", "80")
    assert "₹200" in page.text
    assert "You will get ₹200" in page.text
    home = owner.get("/")
    assert "Ramesh" in home.text
    assert "You will get ₹200" in home.text
