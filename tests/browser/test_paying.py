"""A customer pays through the gateway: page, gateway, and back, with what the browser lets a form do."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import fresh_number
from tests.browser.phone import Shop
from tests.installation import Installation


@pytest.mark.parametrize("with_script", [True, False])
def test_a_customer_pays(khata: Installation, new_phone: Callable[..., Page], with_script: bool) -> None:
    with khata.client() as client:
        khata.open_shop(client, fresh_number(), "Asha Store")
        shop = Shop(client)
        party = shop.party("Ramesh")
        shop.write(party, "gave", "500")
        shop.send(f"{party}/link")
        found = re.search(r"/pay/[\w-]{22}", client.get(f"{party}/link").text)
        assert found
        page = new_phone(java_script_enabled=with_script)
        page.goto(found[0])
        page.get_by_label("Amount to pay now").fill("200")
        page.get_by_role("button", name="Pay now").click()
        page.get_by_text("no money moves").wait_for()
        page.get_by_role("button", name="Paid", exact=True).click()
        page.get_by_text("hears of it from the bank").wait_for()
        assert "₹300" in page.content()
        assert "₹200" in client.get("/collections").text
