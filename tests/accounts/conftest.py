"""Members: how a test hires them, and finds their row."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask import Flask

from tests.client import Browser, sign_in

HELPER = "+919876500011"


def link(owner: Browser, role: str = "cashier") -> str:
    """The link of a fresh invitation."""
    owner.post("/invitations", {"role": role}, then="/members")
    url = urlsplit(owner.get("/members").links("http://localhost/invitations/")[-1])
    return f"{url.path}?{url.query}"


def accept(browser: Browser, invitation: str, **options: int) -> None:
    """Press "Join" on the page of the invitation; where it asks for a name, one that nobody else has."""
    page = browser.get(invitation)
    form = {"key": page.hidden("key")}
    if "f-name" in page.ids:
        form["name"] = f"Helper {secrets.token_hex(3)}"
    browser.post(invitation.partition("?")[0], form, then="/", **options)


@pytest.fixture
def hire(app: Flask, owner: Browser) -> Callable[..., Browser]:
    """Make a member of the owner's shop: hire("cashier")."""

    def make(role: str, phone: str = HELPER) -> Browser:
        browser = Browser(app)
        sign_in(browser, phone)
        accept(browser, link(owner, role))
        return browser

    return make


def place(owner: Browser, phone: str = HELPER) -> str:
    """The address of the member with this number."""
    row = owner.get("/members").html.split(phone)[1]
    found = re.search(r'action="(/members/[0-9a-f-]{36})"', row)
    assert found
    return found[1]
