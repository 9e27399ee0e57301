"""A real Chromium on a real installation. Every page a test opens is watched: no console error, no foreign request."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, expect

from tests.browser.line import Line, line_to
from tests.browser.phone import Shop
from tests.installation import Installation, installed

PATIENCE_SECONDS = 30
SMALL_ANDROID = {"width": 360, "height": 640}
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]

expect.set_options(timeout=PATIENCE_SECONDS * 1000)

numbers = itertools.count(9_820_000_001)


@pytest.fixture(scope="session")
def khata(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The installation that all browser tests use, each with a shop of its own."""
    with installed(tmp_path_factory.mktemp("khata"), KHATA_GATEWAY_URLS="test://of-the-browser-tests") as installation:
        installation.start_worker()
        installation.start_web()
        yield installation


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Debian's Chromium, without a screen."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def owner(khata: Installation) -> Iterator[httpx.Client]:
    """Somebody who is signed in; tests that end the session sign in for themselves."""
    with khata.client() as client:
        khata.open_shop(client, fresh_number())
        yield client


def fresh_number() -> str:
    """A phone number that no test has used."""
    return f"+91{next(numbers)}"


@pytest.fixture
def number() -> str:
    """A phone number that nobody has signed in with."""
    return fresh_number()


@pytest.fixture
def shop(khata: Installation, owner: httpx.Client) -> Shop:
    """A fresh shop, with the cookies to go into it."""
    owner.post("/shops/new", data={"name": "Asha Store", "category": "grocery"})
    return Shop(owner)


class Watch:
    """What went wrong on the pages of a test. A refusal that a test asks for is named in `expected` by its status."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.expected: set[int] = set()
        self.loses_network = False
        self.faults: list[str] = []

    def over(self, context: BrowserContext) -> None:
        """Watch every page of `context`."""
        context.on("console", self._console)
        context.on("weberror", lambda fault: self.faults.append(f"script: {fault.error}"))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        refused = any(f"responded with a status of {status}" in message.text for status in self.expected)
        refused |= self.loses_network and "net::ERR_" in message.text
        is_policy = "Content Security Policy" in message.text
        if (message.type == "error" or is_policy) and not refused:
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.origin + "/", "blob:", "data:")):
            self.faults.append(f"request to {request.url}")


@pytest.fixture
def watch(khata: Installation) -> Iterator[Watch]:
    """Fails the test where a page complained."""
    watching = Watch(khata.url)
    yield watching
    assert not watching.faults


@pytest.fixture
def new_phone(chromium: Browser, khata: Installation, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Make a phone with a browser of its own: new_phone(shop, java_script_enabled=False, …)."""
    contexts: list[BrowserContext] = []

    def make(shop: Shop | None = None, **options: Any) -> Page:
        options = {
            "base_url": khata.url,
            "viewport": SMALL_ANDROID,
            "locale": "en-IN",
            "color_scheme": "light",
            **options,
        }
        context = chromium.new_context(**options)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        contexts.append(context)
        watch.over(context)
        if shop is not None:
            context.add_cookies([{"name": name, "value": value, "url": khata.url} for name, value in shop.cookies()])
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_phone: Callable[..., Page], shop: Shop) -> Page:
    """A small Android phone, signed in to a fresh shop."""
    return new_phone(shop)


@pytest.fixture
def line(khata: Installation, watch: Watch) -> Iterator[Line]:
    """The line that the phone's network goes through, where a test cuts it."""
    with line_to(khata.port) as found:
        watch.origin, watch.loses_network = found.url, True
        yield found


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder for pictures that a test makes."""
    return tmp_path
