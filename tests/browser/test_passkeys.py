"""Passkeys in a real browser, with an authenticator that Chromium itself plays: always there, always the right finger.

WebAuthn holds for names only, so these pages are opened at localhost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SMALL_ANDROID, Watch
from tests.browser.phone import sign_in
from tests.browser.test_layout import OVERFLOW, SMALL_TARGETS
from tests.installation import Installation

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
MINUTE_MS = 60_000


@pytest.fixture
def at(khata: Installation) -> str:
    """The installation by its name."""
    return khata.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def named_watch(at: str) -> Iterator[Watch]:
    """Fails the test where a page complained."""
    watching = Watch(at)
    yield watching
    assert not watching.faults


@pytest.fixture
def new_page(chromium: Browser, at: str, named_watch: Watch) -> Iterator[Callable[..., Page]]:
    """Make a phone: new_page(), or new_page(java_script_enabled=False)."""
    contexts = []

    def make(**options: bool) -> Page:
        context = chromium.new_context(base_url=at, viewport=SMALL_ANDROID, locale="en-IN", **options)  # type: ignore[arg-type]
        contexts.append(context)
        named_watch.over(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


class Finger:
    """What the phone's fingerprint reader finds."""

    def __init__(self, page: Page) -> None:
        self.chromium = page.context.new_cdp_session(page)
        self.chromium.send("WebAuthn.enable")
        added = self.chromium.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.reader = {"authenticatorId": added["authenticatorId"]}

    def is_right(self, right: bool) -> None:
        """From now on it is the right finger, or another."""
        self.chromium.send("WebAuthn.setUserVerified", {**self.reader, "isUserVerified": right})

    def keys(self) -> int:
        """How many passkeys the phone holds."""
        return len(self.chromium.send("WebAuthn.getCredentials", self.reader)["credentials"])


@pytest.fixture
def page(new_page: Callable[..., Page], khata: Installation, number: str) -> Page:
    """A phone on which somebody has just opened a shop."""
    phone = new_page()
    sign_in(phone, number, lambda: khata.code_for(number))
    phone.get_by_label("Name of the shop").fill("Asha Store")
    phone.get_by_role("button", name="Open the ledger").click()
    expect(phone.locator("h1")).to_have_text("Asha Store")
    return phone


@pytest.fixture
def finger(page: Page) -> Finger:
    """Its fingerprint reader."""
    return Finger(page)


def add_this_phone(page: Page, label: str) -> None:
    """From the menu to a passkey in the list."""
    page.get_by_role("link", name="Menu").click()
    page.get_by_role("link", name="Fingerprint sign-in").click()
    page.get_by_role("link", name="Add this phone").click()
    page.get_by_label("What do you call this phone?").fill(label)
    page.get_by_role("button", name="Add this phone").click()
    expect(page.get_by_text("Not used yet")).to_be_visible()


def rest(khata: Installation, **columns: int) -> None:
    """Let time pass: every session was last seen, or proved, so many milliseconds earlier."""
    with sqlite3.connect(Path(khata.folder) / "khata.db", timeout=30) as database:
        for column, span in columns.items():
            database.execute(f"UPDATE sessions SET {column} = {column} - ? WHERE ended_at IS NULL", (span,))
    database.close()


def test_add_sign_out_and_in_again(page: Page, finger: Finger, at: str) -> None:
    add_this_phone(page, "Asha’s phone")
    assert finger.keys() == 1
    page.goto("/menu")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with fingerprint").click()
    page.wait_for_url(f"{at}/")
    expect(page.locator("h1")).to_have_text("Asha Store")
    page.goto("/passkeys")
    expect(page.get_by_text("Asha’s phone")).to_be_visible()
    expect(page.get_by_text("Last used")).to_be_visible()


def test_another_finger_opens_nothing(page: Page, finger: Finger) -> None:
    add_this_phone(page, "Asha’s phone")
    page.goto("/menu")
    page.get_by_role("button", name="Sign out").click()
    finger.is_right(False)
    page.get_by_role("button", name="Sign in with fingerprint").click()
    expect(page.get_by_role("alert")).to_have_text("That did not work. Try once more, or use a code.")
    finger.is_right(True)
    page.get_by_role("button", name="Sign in with fingerprint").click()
    expect(page.locator("h1")).to_have_text("Asha Store")


def test_the_same_phone_twice(page: Page, finger: Finger) -> None:
    add_this_phone(page, "Asha’s phone")
    page.get_by_role("link", name="Add this phone").click()
    page.get_by_role("button", name="Add this phone").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert finger.keys() == 1


def test_a_removed_one_is_refused(page: Page, finger: Finger, named_watch: Watch) -> None:
    named_watch.expected.add(422)
    add_this_phone(page, "Asha’s phone")
    page.get_by_text("Remove", exact=True).click()
    page.get_by_role("button", name="Yes, remove").click()
    expect(page.get_by_text("Not used yet")).to_be_hidden()
    page.goto("/menu")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with fingerprint").click()
    page.wait_for_url("**/sign-in/passkey")
    expect(page.get_by_role("alert")).to_have_text("That did not work. Try once more, or use a code.")


def test_proof(page: Page, finger: Finger, khata: Installation) -> None:
    add_this_phone(page, "Asha’s phone")
    rest(khata, proved_at=16 * MINUTE_MS)
    page.get_by_role("link", name="Add this phone").click()
    page.get_by_role("button", name="Use fingerprint").click()
    expect(page.get_by_label("What do you call this phone?")).to_be_visible()


def test_proof_that_ran_out_on_an_open_page(page: Page, finger: Finger, khata: Installation) -> None:
    page.goto("/passkeys/new")
    rest(khata, proved_at=16 * MINUTE_MS)
    page.get_by_role("button", name="Add this phone").click()
    page.wait_for_url("**/proof")
    assert finger.keys() == 0, "nothing was made that Khata would not know"


def test_the_phone_locks_and_the_finger_opens_it(page: Page, finger: Finger, khata: Installation, at: str) -> None:
    add_this_phone(page, "Asha’s phone")
    page.goto("/devices")
    page.get_by_label("Lock this phone when it rests for").select_option("1 minute")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_label("Lock this phone when it rests for")).to_have_value("60")
    rest(khata, last_seen_at=2 * MINUTE_MS)
    page.goto("/")
    page.wait_for_url("**/unlock")
    page.get_by_role("button", name="fingerprint").click()
    page.wait_for_url(f"{at}/")
    expect(page.locator("h1")).to_have_text("Asha Store")
    page.locator("form[data-lock] button").click()
    page.wait_for_url("**/unlock")
    page.go_back()
    expect(page.get_by_role("button", name="fingerprint")).to_be_visible()


def test_nothing_of_it_shows_without_script(new_page: Callable[..., Page]) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/sign-in")
    expect(page.get_by_role("button", name="Get code")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with fingerprint")).to_be_hidden()


def test_nor_at_a_bare_address(new_phone: Callable[..., Page]) -> None:
    page = new_phone()
    page.goto("/sign-in")
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("button", name="Sign in with fingerprint")).to_be_hidden()


def test_it_fits_the_smallest_screen(page: Page, finger: Finger) -> None:
    axe = Axe()
    page.set_viewport_size({"width": 240, "height": 320})
    add_this_phone(page, "Asha’s phone")
    for url in ("/passkeys", "/passkeys/new", "/devices", "/proof"):
        page.goto(url)
        assert not axe.run(page).response["violations"], url
        assert not page.evaluate(OVERFLOW), url
        assert not page.evaluate(SMALL_TARGETS), url
