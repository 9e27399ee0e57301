"""Which language, for whom; and how a person first came."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from khata.accounts.models import Person
from khata.core.db import db
from tests.client import Browser, sign_in


def lang_of(browser: Browser, url: str = "/sign-in", **headers: str) -> str:
    return browser.get(url, **headers).all("html")[0]["lang"]


def test_it_works(visitor: Browser) -> None:
    assert lang_of(visitor) == "en"
    assert lang_of(visitor, "/sign-in?lang=hi") == "hi"
    assert lang_of(visitor) == "hi", "the choice lasts"


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [
        ("hi", "hi"),
        ("hi-IN,hi;q=0.9,en;q=0.8", "hi"),
        ("fr-FR, hi;q=0.3, en;q=0.2", "hi"),
        ("en-US,en;q=0.9,hi;q=0.8", "en"),
        ("fr, hi;q=0", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("hi_IN", "hi"),
        (";;;,,,q=", "en"),
        (",".join(f"x{number}" for number in range(500)), "en"),
    ],
)
def test_the_browser_proposes(visitor: Browser, accepted: str, lang: str) -> None:
    assert lang_of(visitor, **{"Accept-Language": accepted}) == lang


@pytest.mark.parametrize("lang", ["xx", "../../etc/passwd", "", "HI", "hi\r\nX: y", "x" * 5000])
def test_an_unknown_language_changes_nothing(visitor: Browser, lang: str) -> None:
    visitor.get("/sign-in?lang=hi")
    answer = visitor.raw("GET", "/sign-in", query_string={"lang": lang})
    assert answer.status_code == 200
    assert 'lang="hi"' in answer.get_data(as_text=True)[:80], "what was chosen before still holds"


def test_the_languages_stand_first_by_their_own_names(visitor: Browser) -> None:
    page = visitor.get("/sign-in")
    assert page.links("?lang=") == ["?lang=en", "?lang=hi"]
    assert page.text.index("हिन्दी") < page.text.index("phone")


def test_a_person_keeps_their_language_on_another_phone(owner: Browser, visitor: Browser) -> None:
    owner.get("/?lang=hi")
    sign_in(visitor, "+919876543210")
    visitor.client.delete_cookie("khata_lang")
    assert lang_of(visitor, "/") == "hi"


def test_the_language_of_the_visit_becomes_the_persons(visitor: Browser) -> None:
    visitor.get("/sign-in?lang=hi")
    sign_in(visitor, "+919876500004")
    visitor.client.delete_cookie("khata_lang")
    assert lang_of(visitor, "/shops/new") == "hi"


def arrival_of(browser: Browser) -> dict[str, str]:
    sign_in(browser, "+919876500005")
    with browser.app.app_context():
        return dict(db.session.scalars(sa.select(Person.arrival)).one())


def test_how_a_person_came_is_kept(visitor: Browser) -> None:
    visitor.get(
        "/?utm_source=wa&utm_campaign=diwali&ref=AB12&lang=hi&evil=1",
        status=303,
        Referer="https://blog.example/post?x=1",
    )
    visitor.get("/sign-in?utm_source=later")
    arrival = arrival_of(visitor)
    assert arrival.pop("at")
    assert arrival == {
        "utm_source": "wa",
        "utm_campaign": "diwali",
        "ref": "AB12",
        "lang": "hi",
        "site": "blog.example",
    }


def test_a_strange_arrival_is_no_trouble(visitor: Browser) -> None:
    url = "/sign-in?utm_source=" + "x" * 3000 + "&ref=%00%F0%9F%98%80<script>"
    visitor.get(url, Referer="http://[not an address")
    arrival = arrival_of(visitor)
    assert len(arrival["utm_source"]) == 100
    assert "site" not in arrival
