"""A test client that reads the page: every page it gets is checked for what every page must be."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import TestResponse

ORIGIN = "http://localhost"
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
HTMX_VERBS = ("hx-get", "hx-post", "hx-put", "hx-delete", "hx-patch")


class Page(HTMLParser):
    """What a page says: its elements, ids, links, forms and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.text = re.sub(r"\s+", " ", self.text).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element; what is not open is a fault of the page."""
        while (
            self.open and self.open[-1] != tag and self.open[-1] in ("li", "p", "option", "dd", "dt", "tr", "td", "th")
        ):
            self.open.pop()
        assert self.open[-1:] == [tag], f"</{tag}> closes nothing: {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        """Keep the words a person sees."""
        if not self.open or self.open[-1] not in ("style", "script", "title"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every `tag`."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        """Every id."""
        return [attributes["id"] for _tag, attributes in self.elements if "id" in attributes]

    def links(self, start: str) -> list[str]:
        """Addresses of links that start with `start`."""
        return [a["href"] for a in self.all("a") if a.get("href", "").startswith(start)]

    def hidden(self, name: str) -> str:
        """The value of the first field called `name`."""
        return next(field.get("value", "") for field in self.all("input") if field.get("name") == name)


class Browser:
    """A browser without script: follows nothing on its own, sends Origin, and reads every page it gets."""

    def __init__(self, app: Flask, **headers: str) -> None:
        self.app = app
        self.client = app.test_client()
        self.headers = headers

    def get(self, url: str, status: int = 200, **headers: str) -> Page:
        """The page at `url`; fails on another status."""
        return self._read(self.raw("GET", url, headers=headers), status)

    def raw(self, method: str, url: str, **options: Any) -> TestResponse:
        """The bare answer."""
        headers = {**self.headers, **options.pop("headers", {})}
        if method not in ("GET", "HEAD"):
            headers.setdefault("Origin", ORIGIN)
        return self.client.open(url, method=method, headers=headers, **options)

    def post(
        self,
        url: str,
        data: dict[str, Any] | None = None,
        *,
        status: int = 303,
        then: str | None = None,
        **headers: str,
    ) -> Page:
        """Send a form. Fails on another status than `status`, or where 303 leads elsewhere than `then`."""
        answer = self.raw("POST", url, data=data or {}, headers=headers)
        page = self._read(answer, status)
        if then is not None:
            assert answer.location == then, answer.location
        self.location = answer.location
        return page

    def _read(self, answer: TestResponse, status: int) -> Page:
        html = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
        assert answer.status_code == status, f"{answer.status_code}, not {status}: {Page(html).text[:300]}"
        check_headers(answer)
        page = Page(html)
        if status != 303 and html:
            check_page(page, self.app)
        return page

    # the ledger's main job, in the words of a shop

    def add_party(self, name: str = "Ramesh", **fields: str) -> str:
        """Add a customer and give the address of their page."""
        self.post("/parties", {"name": name, "kind": "customer", **fields})
        return str(self.location)

    def write(self, party: str, direction: str, amount: str, **fields: str) -> Page:
        """Write an entry in the party's book and give the party's page."""
        self.post(f"{party}/entries", {"direction": direction, "amount": amount, **fields}, then=party)
        return self.get(party)

    def take_out(self, name: str) -> TestResponse:
        """Ask for a file of the shop, and fetch it."""
        self.post("/exports", {"file": name})
        answer = self.raw("GET", str(self.location), buffered=True)
        assert answer.status_code == 200, Page(answer.get_data(as_text=True)).text[:300]
        return answer

    def outbox(self) -> list[dict[str, str]]:
        """What the console channel has sent."""
        path = self.app.config["KHATA"].data_dir / "outbox.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def sign_in(browser: Browser, phone: str) -> None:
    """Sign `phone` in, with the code that was sent."""
    browser.post("/sign-in", {"phone": phone}, then="/sign-in/code")
    browser.post("/sign-in/code", {"code": last_code(browser, phone)})


def last_code(browser: Browser, phone: str) -> str:
    """The last code sent to `phone`."""
    body = [message["body"] for message in browser.outbox() if message["to"] == phone][-1]
    found = re.search(r"\b\d{6}\b", body)
    assert found, body
    return found[0]


def check_headers(answer: TestResponse) -> None:
    """The headers that every answer carries."""
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.mimetype == "text/html":
        assert answer.content_type == "text/html; charset=utf-8"


def check_page(page: Page, app: Flask) -> None:
    """What every page and fragment must be."""
    assert not [tag for tag in page.open if tag not in ("li", "p")], f"not closed: {page.open}"
    doubled = {one for one in page.ids if page.ids.count(one) > 1}
    assert not doubled, f"ids that stand twice: {doubled}"
    for tag, attributes in page.elements:
        inline = [name for name in attributes if name.startswith(("on", "hx-on")) or name == "style"]
        assert not inline, f"<{tag}> has {inline}"
        assert not any("js:" in value for name, value in attributes.items() if name.startswith("hx-"))
        assert tag != "script" or attributes.get("src"), "an inline script"
    _check_labels(page)
    _check_addresses(page, app)
    html = page.all("html")
    if html:
        assert html[0].get("lang")
        assert html[0].get("dir") in ("ltr", "rtl")
        assert len(page.all("h1")) == 1, "a page has one heading of the first rank"


def _check_labels(page: Page) -> None:
    labelled = {label.get("for") for label in page.all("label")}
    wrapped = len(re.findall(r"<label[^>]*>\s*<(?:input|select)|<label>[^<]*<select", page.html))
    unlabelled = [
        field
        for tag in ("input", "select", "textarea")
        for field in page.all(tag)
        if field.get("type") not in ("hidden", "submit")
        and field.get("id") not in labelled
        and "aria-label" not in field
    ]
    assert len(unlabelled) <= wrapped, f"fields without a label: {unlabelled}"


def _check_addresses(page: Page, app: Flask) -> None:
    adapter = app.url_map.bind("localhost")
    wanted = [(link["href"], "GET") for link in page.all("a") if "href" in link]
    for form in page.all("form"):
        assert form.get("action"), "a form without an action"
        wanted.append((form["action"], form.get("method", "get").upper()))
    for _tag, attributes in page.elements:
        wanted += [(attributes[verb], verb[3:].upper()) for verb in HTMX_VERBS if verb in attributes]
    for url, method in wanted:
        parts = urlsplit(url)
        if not parts.scheme and parts.path and not parts.path.startswith("/static/"):
            adapter.match(parts.path, method=method)
    for _tag, attributes in page.elements:
        target = attributes.get("hx-target", "")
        if target.startswith("#") and page.all("html"):
            assert target[1:] in page.ids, f"hx-target {target} is not on the page"
