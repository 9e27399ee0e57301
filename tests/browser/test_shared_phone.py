"""One phone, two hands: what the one wrote, the other does not see."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch, fresh_number
from tests.browser.phone import Shop, wait_for_desk, write
from tests.installation import Installation

# All that stands in the browser, as text: whatever is not sealed would show in it.
EVERYTHING_KEPT = """async () => {
  const found = [JSON.stringify([{...localStorage}, {...sessionStorage}])];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const key of await cache.keys()) found.push(key.url, await (await cache.match(key)).text());
  }
  const base = await new Promise((done) => {
    const request = indexedDB.open("khata");
    request.onsuccess = () => done(request.result);
  });
  for (const name of base.objectStoreNames) {
    const store = base.transaction(name).objectStore(name);
    const all = await new Promise((done) => { store.getAll().onsuccess = ({ target }) => done(target.result); });
    const text = (value) => value instanceof ArrayBuffer ? new TextDecoder().decode(value)
      : value instanceof CryptoKey ? "a key"
      : value && typeof value === "object" ? Object.values(value).map(text).join(" ") : value;
    found.push(name, all.map(text).join("\\n"));
  }
  return found.join("\\n");
}"""


@pytest.fixture
def counter(khata: Installation) -> Iterator[Shop]:
    """The shop's phone: Asha the owner has it in her hand, and Ravi may write but not see the day book."""
    with khata.client() as client:
        khata.open_shop(client, fresh_number())
        shop = Shop(client)
        shop.send("/me", name="Asha", lang="en")
        shop.send("/me/pin", pin="4071")
        shop.send("/members", name="Ravi", pin="8347", role="cashier", lang="en")
        shop.send("/phones", lock_seconds="60")
        yield shop


def take_over(page: Page, name: str, pin: str) -> None:
    page.get_by_role("radio", name=name).check()
    page.get_by_label("PIN").fill(pin)
    page.get_by_role("button", name="Open the ledger").click()


def test_changing_hands(new_phone: Callable[..., Page], counter: Shop, watch: Watch) -> None:
    watch.expected.add(403)
    ramesh = counter.party("Ramesh")
    page = new_phone(counter)
    page.goto(ramesh)
    write(page, "You gave", "250")
    expect(page.locator("#balance")).to_contain_text("₹250")
    expect(page.locator(".waits")).to_have_count(0)
    page.goto("/daybook")
    expect(page.get_by_role("main")).to_contain_text("Ramesh: you gave ₹250")

    page.get_by_role("button", name="Lock: Asha").click()
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()
    assert "₹250" not in page.content()

    page.goto("/unlock")
    take_over(page, "Ravi", "8347")
    page.get_by_label("New PIN").fill("9260")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Lock: Ravi")).to_be_visible()
    for _step in range(4):  # back through the PIN pages to what Asha had open
        page.go_back()
        assert "you gave ₹250" not in page.content()
        assert "Asha" not in page.locator("header").inner_text() if page.locator("header").count() else True
    page.goto("/daybook")
    expect(page.get_by_role("main")).to_contain_text("You may not do this")


def test_nothing_that_can_be_read_stays_in_the_browser(new_phone: Callable[..., Page], counter: Shop) -> None:
    page = new_phone(counter)
    page.goto(counter.party("Ramesh"))
    wait_for_desk(page)
    write(page, "You gave", "250")
    page.goto("/")
    shown = page.locator("#parties li")
    expect(shown).to_contain_text("Ramesh")
    assert "a key" in page.evaluate(EVERYTHING_KEPT), "the key is there while she is in"
    page.get_by_role("button", name="Lock: Asha").click()
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()
    kept = page.evaluate(EVERYTHING_KEPT)
    for word in ("Ramesh", '"250"', "₹250", "a key"):
        assert word not in kept.replace(page.url, ""), word
    assert {cookie["name"] for cookie in page.context.cookies()} <= {"khata_device", "khata_lang", "khata_visit"}


def test_it_locks_when_nobody_touches_it(new_phone: Callable[..., Page], counter: Shop) -> None:
    ramesh = counter.party("Ramesh")
    page = new_phone(counter)
    page.clock.install()
    page.goto(ramesh)
    page.clock.run_for(50_000)
    page.get_by_label("Amount").press_sequentially("12")
    page.clock.run_for(50_000)
    expect(page.get_by_label("Amount")).to_have_value("12")
    page.clock.run_for(15_000)
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()


def test_without_script(new_phone: Callable[..., Page], counter: Shop, watch: Watch) -> None:
    watch.expected.add(429)
    page = new_phone(counter, java_script_enabled=False)
    page.goto("/")
    page.get_by_role("button", name="Lock: Asha").click()
    take_over(page, "Asha", "4071")
    expect(page.get_by_role("button", name="Lock: Asha")).to_be_visible()
    page.get_by_role("button", name="Lock: Asha").click()
    take_over(page, "Asha", "4072")
    expect(page.get_by_role("main")).to_contain_text("Wrong PIN. Wait")


@pytest.mark.parametrize("width", [240, 320, 360])
def test_it_fits_and_is_read_aloud(new_phone: Callable[..., Page], counter: Shop, width: int) -> None:
    counter.send("/me", name="Venkateswaralu Ramachandran", lang="en")
    page = new_phone(counter, viewport={"width": width, "height": 480})
    for path in ("/", counter.party("Ramesh"), "/phones", "/unlock"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        violations = Axe().run(page).response["violations"]
        assert not violations, [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations]
    faces = page.locator(".faces label")
    assert all(min(box["width"], box["height"]) >= 48 for box in (face.bounding_box() for face in faces.all()) if box)


def test_who_signs_in_there_with_a_code_is_locked_too(khata: Installation, counter: Shop) -> None:
    with httpx.Client(base_url=khata.url, headers={"Origin": khata.url}, follow_redirects=False) as stranger:
        assert stranger.get("/unlock").status_code == 303, "no phone of the shop"
    assert counter.client.get("/").headers["Cache-Control"] == "no-store"
