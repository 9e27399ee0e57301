"""Every page on small screens, by finger, by keys, and read aloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import Watch, fresh_number
from tests.browser.pages import MainPage, fill
from tests.browser.phone import Shop
from tests.installation import Installation

SIZES = {"feature phone": (240, 320), "old phone": (320, 568), "small Android": (360, 640)}


@pytest.fixture(scope="module")
def full_shop(khata: Installation) -> Iterator[tuple[Shop, list[MainPage]]]:
    """A shop with everything in it."""
    with khata.client() as client:
        khata.open_shop(client, fresh_number(), "Asha Kirana Store and Sons")
        shop = Shop(client)
        yield shop, fill(shop)


class Reader:
    """Opens the main pages one after the other, as a person in one language on one phone sees them."""

    def __init__(self, new_phone: Callable[..., Page], shop: Shop, pages: list[MainPage], lang: str) -> None:
        self.new_phone, self.shop, self.pages, self.lang = new_phone, shop, pages, lang

    def read(self, **options: object) -> Iterator[tuple[MainPage, Page]]:
        """Each page, opened; what can be unfolded is unfolded."""
        stranger, member = self.new_phone(**options), self.new_phone(self.shop, **options)
        for page in (stranger, member):
            page.context.add_cookies(
                [{"name": "khata_lang", "value": self.lang, "url": str(self.shop.client.base_url)}]
            )
        for main in self.pages:
            page = stranger if main.public else member
            answer = page.goto(main.path)
            assert answer is not None
            assert answer.status == main.status, main
            yield main, page


@pytest.fixture
def reader(
    new_phone: Callable[..., Page], full_shop: tuple[Shop, list[MainPage]], watch: Watch
) -> Callable[[str], Reader]:
    """reader("hi") reads the main pages in Hindi."""
    watch.expected.add(404)
    return lambda lang="en": Reader(new_phone, *full_shop, lang)


UNFOLD = "for (const fold of document.querySelectorAll('details')) fold.open = true"

OVERFLOW = """() => {
  const root = document.scrollingElement, wide = [];
  if (root.scrollWidth <= innerWidth) return [];
  for (const one of document.querySelectorAll("body *")) {
    const box = one.getBoundingClientRect();
    if (box.right > innerWidth + 1 || box.left < -1) wide.push(one.tagName + "." + one.className + " " + box.right);
  }
  return wide.length ? wide.slice(0, 5) : ["scrollWidth " + root.scrollWidth];
}"""


@pytest.mark.parametrize("lang", ["en", "hi"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_the_screen(reader: Callable[[str], Reader], size: str, lang: str) -> None:
    width, height = SIZES[size]
    found = {}
    for main, page in reader(lang).read(viewport={"width": width, "height": height}):
        for state in ("folded", "unfolded"):
            if wide := page.evaluate(OVERFLOW):
                found[f"{main.name}, {state}"] = wide
            page.evaluate(UNFOLD)
    assert not found


# What a finger must hit. Links inside a sentence may be lower, as WCAG 2.2 (2.5.8) has it.
SMALL_TARGETS = """() => {
  const small = [];
  for (const one of document.querySelectorAll("a[href], button, summary, input, select, textarea, label.tick")) {
    if (!one.checkVisibility({ visibilityProperty: true }) || one.type === "hidden" || one.closest(".skip")) continue;
    if (one.type === "checkbox") continue;
    const box = one.getBoundingClientRect();
    const inline = one.tagName === "A" && getComputedStyle(one).display === "inline";
    const least = inline ? 24 : 48;
    const low = box.height < least - 0.5, thin = box.width < (inline ? 24 : 48) - 0.5;
    if (low || thin) small.push(`${one.tagName} ${one.textContent.trim().slice(0, 30)} ${box.width}x${box.height}`);
  }
  return small;
}"""


@pytest.mark.parametrize("size", ["feature phone", "small Android"])
def test_a_finger_hits_everything(reader: Callable[[str], Reader], size: str) -> None:
    width, height = SIZES[size]
    found = {}
    for main, page in reader("en").read(viewport={"width": width, "height": height}):
        page.evaluate(UNFOLD)
        if small := page.evaluate(SMALL_TARGETS):
            found[main.name] = small
    assert not found


REACHABLE = """() => {
  const groups = new Set(), reachable = [];
  for (const one of document.querySelectorAll("a[href], button, summary, input, select, textarea, [tabindex='0']")) {
    if (one.type === "hidden" || !one.checkVisibility({ visibilityProperty: true })) continue;
    if (one.type === "radio") {
      if (groups.has(one.name)) continue;
      groups.add(one.name);
    }
    reachable.push(one.outerHTML.slice(0, 120));
  }
  return reachable.length;
}"""

FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  one.dataset.seen ??= Math.random();
  const shown = one.type === "radio" ? one.nextElementSibling : one;
  const style = getComputedStyle(shown), box = shown.getBoundingClientRect();
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const x = Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1);
  const y = Math.min(Math.max(box.top + Math.min(box.height / 2, 20), 0), innerHeight - 1);
  const there = document.elementFromPoint(x, y), label = one.closest("label");
  const clear = there && (shown.contains(there) || there.contains(shown) || (label && label.contains(there)));
  return { mark: one.dataset.seen, name: one.outerHTML.slice(0, 90), ring, clear, date: one.type === "date" };
}"""


@pytest.mark.parametrize("size", ["feature phone", "small Android"])
def test_keys_reach_everything_and_show_where_they_are(reader: Callable[[str], Reader], size: str) -> None:
    width, height = SIZES[size]
    found = {}
    for main, page in reader("en").read(viewport={"width": width, "height": height}):
        wanted, faults, seen = page.evaluate(REACHABLE), [], set()
        for _press in range(wanted * 6 + 10):  # a date has a stop for each of its parts
            page.keyboard.press("Tab")
            focused = page.evaluate(FOCUSED)
            if focused is None or (focused["mark"] in seen and not focused["date"]):
                break
            if focused["mark"] in seen:
                continue
            seen.add(focused["mark"])
            faults += [f"no ring: {focused['name']}"] if not focused["ring"] else []
            faults += [f"covered: {focused['name']}"] if not focused["clear"] else []
        if len(seen) < wanted:
            faults.append(f"{len(seen)} of {wanted} reached")
        if faults:
            found[main.name] = faults[:6]
    assert not found


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_axe_finds_nothing(reader: Callable[[str], Reader], ground: str) -> None:
    found, axe = {}, Axe()
    for main, page in reader("en").read(color_scheme=ground, reduced_motion="reduce"):
        page.evaluate(UNFOLD)
        violations = axe.run(page).response["violations"]
        if violations:
            nodes = [(each["id"], each["nodes"][0]["html"][:120], len(each["nodes"])) for each in violations]
            found[main.name] = nodes
    assert not found


def test_the_code_page_and_a_refused_form(
    new_phone: Callable[..., Page], khata: Installation, number: str, watch: Watch
) -> None:
    watch.expected.add(422)
    axe = Axe()
    page = new_phone(viewport={"width": 240, "height": 320})
    page.goto("/sign-in")
    page.get_by_label("Your phone number").fill(number)
    page.get_by_role("button", name="Get code").click()
    page.get_by_label("Code of 6 digits").fill("12")
    page.get_by_role("button", name="Sign in").click()
    page.locator("#e-code").wait_for()
    assert not axe.run(page).response["violations"]
    assert not page.evaluate(OVERFLOW)
    assert not page.evaluate(SMALL_TARGETS)


def test_static_files_are_kept_for_ever(khata: Installation, full_shop: tuple[Shop, list[MainPage]]) -> None:
    shop, _pages = full_shop
    html = shop.client.get("/").text
    style = html.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = httpx.get(khata.url + style)
    assert "immutable" in answer.headers["Cache-Control"]
