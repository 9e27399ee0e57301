"""The words of the browser tests: a shop to begin with, and what people do on its pages."""

from __future__ import annotations

import re
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from khata.core.ids import new_id


class Shop:
    """A shop made over plain HTTP, faster than by hand: what stands in it when a test begins."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def cookies(self) -> list[tuple[str, str]]:
        """Name and value of each cookie of whoever is signed in."""
        return [(cookie.name, cookie.value or "") for cookie in self.client.cookies.jar]

    def send(self, path: str, **fields: Any) -> str:
        """Send a form; gives the address that the answer leads to."""
        answer = self.client.post(path, data={"id": str(new_id()), **fields})
        assert answer.status_code == 303, f"{path}: {answer.status_code}"
        return answer.headers["Location"]

    def party(self, name: str, kind: str = "customer", **fields: str) -> str:
        """Add somebody; gives the address of their page."""
        return self.send("/parties", name=name, kind=kind, **fields)

    def write(self, party: str, direction: str, amount: str, **fields: str) -> str:
        """Write an entry; gives its address."""
        entry_id = str(new_id())
        self.send(f"{party}/entries", **{"id": entry_id, "direction": direction, "amount": amount, **fields})
        return f"/entries/{entry_id}"


def sign_in(page: Page, phone: str, code: Any) -> None:
    """From the first screen to the third; `code` gives the code once it is asked for."""
    page.goto("/")
    page.get_by_label("Your phone number").fill(phone)
    page.get_by_role("button", name="Get code").click()
    page.get_by_label("Code of 6 digits").fill(code())
    page.get_by_role("button", name="Sign in").click()


def write(page: Page, button: str, amount: str) -> None:
    """Type the digits on a party's page and tap; returns when the field is ready for the next entry."""
    field = page.get_by_label("Amount")
    field.fill(amount)
    page.get_by_role("button", name=button).click()
    expect(field).to_have_value("")


def wait_for_desk(page: Page) -> None:
    """Wait until the phone keeps what is written: from then on it needs no network."""
    expect(page.locator("html")).to_have_attribute("data-desk", "open")


def shows_balance(page: Page, text: str) -> None:
    """Wait until the balance at the top of a party's page reads `text`."""
    expect(page.locator("#balance")).to_have_text(words(text))


def words(text: str) -> re.Pattern[str]:
    """The whole text, however its parts are spaced."""
    return re.compile(r"^\s*" + r"\s*".join(re.escape(word) for word in text.split()) + r"\s*$")


def entry_id(page: Page) -> str:
    """The id that the next entry will have."""
    return page.locator("#entry-form input[name=id]").input_value()
