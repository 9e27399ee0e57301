"""What a phone installs the app by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.client import Browser
from tests.factories import picture, upload


def manifest(browser: Browser, lang: str = "en") -> dict[str, Any]:
    answer = browser.raw("GET", f"/manifest?lang={lang}")
    assert answer.status_code == 200
    assert answer.mimetype == "application/manifest+json"
    found: dict[str, Any] = json.loads(answer.data)
    return found


def test_it_says_what_a_phone_asks_for(visitor: Browser) -> None:
    found = manifest(visitor)
    assert (found["display"], found["start_url"], found["scope"]) == ("standalone", "/", "/")
    assert {icon["purpose"] for icon in found["icons"]} == {"any", "maskable"}
    for icon in found["icons"]:
        with visitor.raw("GET", icon["src"]) as answer:
            assert answer.mimetype == icon["type"]


def test_it_is_in_the_language_of_the_page_that_names_it(owner: Browser) -> None:
    owner.post("/me", {"name": "Asha", "lang": "hi"})
    (link,) = [link["href"] for link in owner.get("/menu").all("link") if link["rel"] == "manifest"]
    assert link == "/manifest?lang=hi"
    hindi, english = manifest(owner, "hi"), manifest(owner, "en")
    assert (hindi["lang"], english["lang"]) == ("hi", "en")
    assert hindi["description"] != english["description"]


def test_shortcuts_lead_somewhere(owner: Browser) -> None:
    owner.add_party()
    for shortcut in manifest(owner)["shortcuts"]:
        owner.get(shortcut["url"])
    search = manifest(owner)["shortcuts"][0]["url"]
    (field,) = [field for field in owner.get(search).all("input") if field.get("name") == "q"]
    assert "autofocus" in field
    (field,) = [field for field in owner.get("/").all("input") if field.get("name") == "q"]
    assert "autofocus" not in field


def test_a_photo_can_be_shared_to_it(owner: Browser) -> None:
    """The phone sends what the manifest says, and no page does: somebody chose Khata from the phone's own list."""
    target = manifest(owner)["share_target"]
    (field,) = target["params"]["files"]
    assert field["accept"] == ["image/*"]
    phone = {"Origin": "null", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = owner.raw(
        target["method"],
        target["action"],
        data={field["name"]: upload(picture())},
        content_type=target["enctype"],
        headers=phone,
    )
    assert answer.status_code == 303
    assert "Whose bill is it?" in owner.get(answer.location).text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "no-cors"},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
    ],
)
def test_but_not_by_a_page_of_somebody_else(owner: Browser, data_dir: Path, headers: dict[str, str]) -> None:
    before = set(data_dir.rglob("*.jpg"))
    owner.post("/share", {"photo": upload(picture(size=(3, 5)))}, status=403, **headers)
    assert set(data_dir.rglob("*.jpg")) == before


@pytest.mark.parametrize("lang", ["", "xx", "<b>"])
def test_a_strange_language_is_none(visitor: Browser, lang: str) -> None:
    assert manifest(visitor, lang)["lang"] == "en"


def test_asking_for_it_is_no_visit(visitor: Browser) -> None:
    """It is fetched without cookies, by the phone: what it sets would only be lost, or stand for the visit."""
    manifest(visitor)
    assert visitor.client.get_cookie("khata_visit") is None
