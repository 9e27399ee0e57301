"""Headers of every answer, and forms that come from elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.client import Browser

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.parametrize("url", ["/", "/sign-in", "/nowhere", "/healthz", "/sign-out", "/parties/new"])
def test_headers_are_everywhere_and_once(owner: Browser, url: str) -> None:
    answer = owner.raw("GET", url)
    for name, value in EVERYWHERE.items():
        assert answer.headers.getlist(name) == [value]
    (policy,) = answer.headers.getlist("Content-Security-Policy")
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "private" in answer.headers["Cache-Control"]


def test_https_is_kept(owner: Browser) -> None:
    assert "Strict-Transport-Security" not in owner.raw("GET", "/").headers
    answer = owner.client.get("/", base_url="https://localhost")
    assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]


def test_https_is_kept_behind_a_proxy_that_is_not_trusted(owner: Browser, over_https: None) -> None:
    answer = owner.raw("GET", "/healthz")
    assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]


@pytest.fixture
def over_https(app: Flask) -> Iterator[None]:
    """The installation's public address is https; the proxy speaks http to it, and is not trusted."""
    settings = app.config["KHATA"]
    app.config["KHATA"] = dataclasses.replace(settings, public_url="https://localhost")
    yield
    app.config["KHATA"] = settings


@pytest.mark.parametrize("header", ["Origin", "Referer"])
def test_a_page_over_http_is_not_ours_where_we_are_over_https(app: Flask, over_https: None, header: str) -> None:
    """Whoever stands on the way can write such a page."""
    for page, status in (("http://localhost", 403), ("https://localhost", 303)):
        answer = app.test_client().post("/lock", headers={header: page})
        assert answer.status_code == status, page


def test_nor_where_the_request_came_over_https(app: Flask) -> None:
    for page, status in (("http://localhost", 403), ("https://localhost", 303)):
        answer = app.test_client().post("/lock", headers={"Origin": page}, base_url="https://localhost")
        assert answer.status_code == status, page


def test_a_proxy_that_speaks_http_to_us_is_no_fault(app: Flask) -> None:
    """With no public address set and no proxy trusted: the browser's page was over https."""
    assert app.test_client().post("/lock", headers={"Origin": "https://localhost"}).status_code == 303
    assert app.test_client().post("/lock", headers={"Origin": "ftp://localhost"}).status_code == 403


OURS, NOT_OURS = "http://localhost", "https://evil.example"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": NOT_OURS},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:81"},
        {"Origin": "http://[::1"},
        {"Referer": f"{NOT_OURS}/http://localhost/"},
        {"Referer": "http://[evil"},
        {"Origin": NOT_OURS, "Referer": f"{OURS}/"},
        {"Sec-Fetch-Site": "cross-site", "Origin": OURS},
        {"Sec-Fetch-Site": "same-site", "Origin": OURS},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "no-cors", "Origin": OURS},
        {"Sec-Fetch-Site": ""},
    ],
    ids=str,
)
def test_a_form_from_elsewhere_is_refused(owner: Browser, headers: dict[str, str]) -> None:
    answer = owner.client.post("/parties", data={"name": "Foisted"}, headers=headers)
    assert answer.status_code == 403
    assert "Foisted" not in owner.get("/").text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        {"Origin": OURS},
        {"Referer": f"{OURS}/parties/new"},
        {"Sec-Fetch-Site": "same-origin", "Origin": NOT_OURS},
    ],
    ids=str,
)
def test_a_form_of_ours_is_taken(owner: Browser, headers: dict[str, str]) -> None:
    assert owner.client.post("/parties", data={"name": "Ours"}, headers=headers).status_code == 303


def test_the_body_is_read_before_the_write_begins(owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody on 2G who takes a minute to send a form must not hold up the other writers."""
    import io

    from khata.core import db

    party, begun = owner.add_party(), []
    begin = db.begin_write
    monkeypatch.setattr(db, "begin_write", lambda: (begun.append(body.tell() == length), begin()))
    sent = b"direction=gave&amount=5"
    body, length = io.BytesIO(sent), len(sent)
    owner.raw(
        "POST",
        f"{party}/entries",
        input_stream=body,
        content_length=length,
        content_type="application/x-www-form-urlencoded",
    )
    assert begun == [True]


def test_cookies_are_not_for_scripts_or_strangers(owner: Browser, visitor: Browser) -> None:
    for answer in (visitor.raw("GET", "/sign-in?lang=hi"), owner.raw("GET", "/?sort=name")):
        for cookie in answer.headers.getlist("Set-Cookie"):
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
    visitor.client.delete_cookie("khata_lang")
    secure = visitor.client.get("/sign-in?lang=hi", base_url="https://localhost").headers.getlist("Set-Cookie")
    assert any("khata_lang" in cookie and "Secure" in cookie for cookie in secure)


def test_redirects_stay_here() -> None:
    from khata.errors import NotFound
    from khata.web.pages import see_other

    for url in ("//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", ""):
        with pytest.raises(NotFound):
            see_other(url)
