"""A payment through the test gateway, for tests of other rooms: the gateway is there for as long as it takes."""

from __future__ import annotations

from urllib.parse import urlsplit

from khata.payments.gateways import from_url
from tests.client import Browser


def pay_trial(browser: Browser, page: str, amount: str, outcome: str) -> None:
    """Ask for `amount` on the customer's page and say how it ended."""
    gateways = browser.app.extensions["khata_gateways"]
    gateways["test"] = from_url("test://a-secret-of-the-tests", public_url="http://localhost")
    try:
        browser.post(f"{page}/payments", {"pay": amount})
        browser.post(urlsplit(str(browser.location)).path, {"outcome": outcome})
    finally:
        del gateways["test"]
