"""Finding a party, in any script, by name or number."""

from __future__ import annotations

import pytest

from khata.parties.queries import search
from tests.client import Browser
from tests.factories import make_party, make_shop


def test_it_works(owner: Browser) -> None:
    owner.add_party("रमेश कुमार")
    owner.add_party("Suresh")
    page = owner.get("/?q=rames", **{"HX-Request": "true"})
    assert "रमेश कुमार" in page.text
    assert "Suresh" not in page.text
    assert not page.all("html")


@pytest.fixture
def found(context: object) -> object:
    """The names that a text finds in a shop of many scripts."""
    shop = make_shop()
    for name in ("रमेश", "ரமேஷ்", "Ramesh Kumar", "Suresh Kumar", "لكشمي", "O'Brien", "José", "Müller & Söhne", "A1 Tea"):
        make_party(shop, name)
    make_party(shop, "Phone", phone="+919876512345")
    make_party(shop, "Gupta", kind="supplier")
    return lambda text, kind=None: sorted(party.name for party in search(shop.shop_id, text, kind))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("rames", ["Ramesh Kumar", "रमेश", "ரமேஷ்"]),
        ("रमे", ["Ramesh Kumar", "रमेश", "ரமேஷ்"]),
        ("RAMESH KUM", ["Ramesh Kumar"]),
        ("kum ram", ["Ramesh Kumar"]),
        ("obrien", ["O'Brien"]),
        ("jose", ["José"]),
        ("sohne", ["Müller & Söhne"]),
        ("2345", ["Phone"]),
        ("9876512345", ["Phone"]),
        ("98765 12345", ["Phone"]),
        ("+91 98765 12345", ["Phone"]),
        ("+91-98765-12345", ["Phone"]),
        ("09876512345", ["Phone"]),
        ("९८७६५१२३४५", ["Phone"]),
        ("a1", ["A1 Tea"]),
        ("nobody", []),
        ("%", []),
        ("_", []),
        ("\x00", []),
        ("'; DROP TABLE parties --", []),
        ("~", []),
        ("\U0010ffff", []),
    ],
)
def test_found(found: object, text: str, names: list[str]) -> None:
    assert found(text) == names  # type: ignore[operator]


def test_only_of_one_kind(found: object) -> None:
    assert found("gupta", "customer") == []  # type: ignore[operator]
    assert found("gupta", "supplier") == ["Gupta"]  # type: ignore[operator]


def test_another_shop_is_not_searched(owner: Browser, stranger: Browser) -> None:
    stranger.add_party("Ramesh")
    assert "Ramesh" not in owner.get("/?q=rame").text


def test_a_new_name_and_number_are_found_the_old_ones_not(owner: Browser) -> None:
    party = owner.add_party("Ramesh", phone="98765 00001")
    owner.post(party, {"name": "Suresh", "phone": "98765 00002"})
    assert "Suresh" in owner.get("/?q=sure").text
    assert "Suresh" in owner.get("/?q=0002").text
    for gone in ("rame", "0001"):
        assert "Nobody found" in owner.get(f"/?q={gone}").text


@pytest.mark.parametrize("text", ["x" * 5000, "\x00", "<script>", "a " * 200, "\u202e", "%25%00", "🙂"])
def test_strange_searches(owner: Browser, text: str) -> None:
    owner.add_party("Ramesh")
    answer = owner.raw("GET", "/", query_string={"q": text})
    assert answer.status_code == 200
    assert b"<script>" not in answer.data.replace(b"<script src", b"")


def test_at_most_twenty(context: object) -> None:
    shop = make_shop()
    for number in range(30):
        make_party(shop, f"Ramesh {number}")
    assert len(search(shop.shop_id, "ramesh")) == 20
