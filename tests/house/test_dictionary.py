"""The shared dictionary: who gets answers made with it, who is told of it, and that it says nothing of any shop."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from flask import Flask
from werkzeug.test import TestResponse

from bin.build_dictionaries import ID, OWN, SHOP
from khata.settings import ROOT
from khata.web.assets import DIST, BuiltAssets
from khata.web.dictionary import MAGIC, Dictionary
from tests.client import Browser

TAKES = "gzip, deflate, br, zstd"
TAKES_DICTIONARY = f"{TAKES}, dcb, dcz"
OPENED = {"Accept-Encoding": TAKES, "Sec-Fetch-Dest": "document"}
MOST_WINDOW = 8 * 1024 * 1024


@pytest.fixture
def shared(app: Flask) -> dict[str, Dictionary]:
    """The dictionaries of this build by language."""
    found: dict[str, Dictionary] = app.extensions["khata_dictionaries"]
    return found


def with_dictionary(dictionary: Dictionary) -> dict[str, str]:
    """What a browser says that has it."""
    return {**OPENED, "Accept-Encoding": TAKES_DICTIONARY, "Available-Dictionary": dictionary.token}


def unpack(answer: TestResponse, dictionary: Dictionary) -> bytes:
    """The body as a browser reads it."""
    assert answer.headers["Content-Encoding"] == "dcz"
    frame = answer.data.removeprefix(MAGIC + hashlib.sha256(dictionary.content).digest())
    assert len(frame) == len(answer.data) - 40
    assert zstandard.get_frame_parameters(frame).window_size <= MOST_WINDOW
    content = zstandard.ZstdCompressionDict(dictionary.content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdDecompressor(content).decompress(frame)


@pytest.mark.parametrize("lang", ["en", "hi"])
@pytest.mark.parametrize("url", ["/", "/menu", "/cash", "{party}", "/parties/new?kind=customer"])
def test_pages_come_with_it(owner: Browser, shared: dict[str, Dictionary], url: str, lang: str) -> None:
    url = url.replace("{party}", owner.add_party())
    owner.get(f"/?lang={lang}")
    plain = owner.raw("GET", url)
    answer = owner.raw("GET", url, headers=with_dictionary(shared[lang]))
    steady = re.compile(rb'name="id" value="[^"]*"')  # each showing of a form has an id of its own
    assert steady.sub(b"", unpack(answer, shared[lang])) == steady.sub(b"", plain.data)
    assert {"Accept-Encoding", "Available-Dictionary"} <= set(answer.vary)
    assert {"Accept-Encoding", "Available-Dictionary"} <= {name.title() for name in plain.vary}
    assert len(answer.headers.getlist("Vary")) == 1


def test_an_entry_recorded_comes_with_it(owner: Browser, shared: dict[str, Dictionary]) -> None:
    party = owner.add_party()
    by_htmx = {**with_dictionary(shared["en"]), "HX-Request": "true", "Sec-Fetch-Dest": "empty"}
    answer = owner.raw("POST", f"{party}/entries", data={"direction": "gave", "amount": "75"}, headers=by_htmx)
    assert "₹75" in unpack(answer, shared["en"]).decode()
    assert "Link" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "available", "chosen"),
    [
        (TAKES_DICTIONARY, None, "br"),
        (TAKES, "the one", "br"),
        (f"{TAKES}, dcz;q=0", "the one", "br"),
        (TAKES_DICTIONARY, ":pZGm1Av0IEBKARczz7exkNYsZb8LzaMrV7J32a2fFG4=:", "br"),
        (TAKES_DICTIONARY, "nonsense\xff", "br"),
        ("gzip", "the one", "gzip"),
        ("dcz", "the one", "dcz"),
        ("dcz", None, None),
    ],
)
def test_who_has_not_got_it_gets_the_usual_coding(
    owner: Browser, shared: dict[str, Dictionary], accepted: str, available: str | None, chosen: str | None
) -> None:
    headers = {"Accept-Encoding": accepted}
    if available is not None:
        headers["Available-Dictionary"] = shared["en"].token if available == "the one" else available
    assert owner.raw("GET", "/", headers=headers).headers.get("Content-Encoding") == chosen


def test_a_page_tells_of_it_once(owner: Browser, shared: dict[str, Dictionary]) -> None:
    assert owner.raw("GET", "/", headers=OPENED).headers["Link"] == shared["en"].link
    assert "Link" not in owner.raw("GET", "/", headers=with_dictionary(shared["en"])).headers
    in_hindi = owner.raw("GET", "/?lang=hi", headers=with_dictionary(shared["en"]))
    assert in_hindi.headers["Link"] == shared["hi"].link
    assert unpack(in_hindi, shared["en"])  # the one it has serves meanwhile


@pytest.mark.parametrize(
    "change", [{"Accept-Encoding": "gzip, br"}, {"Sec-Fetch-Dest": "empty"}, {"Sec-Fetch-Dest": ""}, {"lang": "kn"}]
)
def test_who_can_not_use_it_is_not_told(
    owner: Browser, shared: dict[str, Dictionary], monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    if "lang" in change:  # a language with no dictionary
        monkeypatch.delitem(shared, "en")
    assert "Link" not in owner.raw("GET", "/menu", headers={**OPENED, **change}).headers


def test_kept_pages_are_kept_by_coding(owner: Browser, shared: dict[str, Dictionary]) -> None:
    plain = owner.raw("GET", "/").data
    for _time in range(2):
        assert owner.raw("GET", "/", headers=OPENED).headers["Content-Encoding"] == "br"
        assert unpack(owner.raw("GET", "/", headers=with_dictionary(shared["en"])), shared["en"]) == plain
        assert unpack(owner.raw("GET", "/", headers=with_dictionary(shared["hi"])), shared["hi"]) == plain


def test_a_tag_holds_whatever_the_coding(owner: Browser, shared: dict[str, Dictionary]) -> None:
    tag = owner.raw("GET", "/", headers=OPENED).headers["ETag"]
    assert tag.startswith("W/")
    for headers in (with_dictionary(shared["en"]), with_dictionary(shared["hi"]), OPENED):
        for _time in range(2):
            again = owner.raw("GET", "/", headers={**headers, "If-None-Match": tag})
            assert (again.status_code, again.data) == (304, b"")
            assert "Content-Encoding" not in again.headers


@pytest.mark.parametrize("lang", ["en", "hi"])
def test_it_is_served_for_ever_by_its_hash(visitor: Browser, shared: dict[str, Dictionary], lang: str) -> None:
    answer = visitor.raw("GET", shared[lang].url, headers={"Accept-Encoding": TAKES}, buffered=True)
    assert answer.status_code == 200
    assert answer.headers["Use-As-Dictionary"] == 'match="/*"'
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "br"
    content = visitor.raw("GET", shared[lang].url, buffered=True).data
    assert hashlib.sha256(content).hexdigest()[:8] in shared[lang].url
    assert hashlib.sha256(content).digest() == shared[lang].digest


def test_no_page_holds_a_key_of_its_browser(owner: Browser) -> None:
    """Text that a stranger chose, as in /?q=…, may stand in a page; what it could be guessed against must not."""
    party = owner.add_party()
    kept = {cookie.key: cookie.value for cookie in owner.client._cookies.values()}
    keys = [kept["khata_session"], kept["khata_device"].partition(".")[2]]
    assert all(keys)
    for url in ("/", "/?q=abc", party, "/cash", "/menu", "/me", "/devices", "/members", "/daybook", "/shops/settings"):
        text = owner.get(url).html
        assert not [key for key in keys if key in text], url


def test_it_says_nothing_of_a_shop(shared: dict[str, Dictionary]) -> None:
    for dictionary in shared.values():
        text = dictionary.content.decode()
        assert not ID.search(text)
        assert SHOP not in text
        assert OWN not in text
        assert not re.search(r"₹\d|9876543210|\d{4}-\d\d-\d\d", text)


def test_the_same_sources_give_the_same_bytes() -> None:
    code = (
        "from bin.build_dictionaries import dictionaries; import hashlib, json; "
        "print(json.dumps({lang: hashlib.sha256(one).hexdigest() for lang, one in dictionaries().items()}))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for seed in "12"
    ]
    one, other = (process.communicate()[0].splitlines()[-1] for process in running)
    assert one == other
    assert set(json.loads(one)) == {"en", "hi"}


def test_without_dictionaries_everything_is_as_before(tmp_path: Path) -> None:
    for path in DIST.iterdir():
        if path.name != "dictionaries.json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert BuiltAssets(tmp_path).dictionaries == {}
