"""Where the slow measures stand: a demo shop on Granian behind the slow network, and a Chromium for a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, expect

from bench.books import environ_of, new_app, session_cookie
from bench.inside import PATIENCE_MS, Certificate, chromium_inside, new_phone, quiet, serve_inside
from bench.slow_net import SlowNet, slow_net
from khata.demo import make_demo

PHONE = "+919876543210"
INSTALLED_MS = 2500  # the dictionary comes last of all, when nothing else has been done for a while

expect.set_options(timeout=PATIENCE_MS)


class Setting(NamedTuple):
    """What every measure needs."""

    net: SlowNet
    browser: Browser
    origin: str
    cookie: str
    folder: Path
    certificate: Certificate
    quick: bool

    def repeats(self, full: int, quick: int) -> range:
        """How often a measure is taken."""
        return range(quick if self.quick else full)

    @contextmanager
    def phone(self, signed_in: bool = False) -> Iterator[Page]:
        """A page of a phone that has nothing of ours yet and no connection."""
        context = new_phone(self.browser, self.origin, self.cookie if signed_in else "")
        yield context.new_page()
        context.close()

    def cost(self, page: Page, act: Callable[[], object], still_ms: int = 700) -> int:
        """IP bytes both ways of what is done, until the line is still again."""
        before = self.net.count().bytes
        act()
        quiet(page, self.net, still_ms)
        return self.net.count().bytes - before


@contextmanager
def setting(folder: Path, quick: bool) -> Iterator[Setting]:
    """A shop of 23 customers, its owner's cookie, and a browser that has taken its own first steps."""
    environ = environ_of(folder)
    app = new_app(environ)
    with app.app_context():
        make_demo(PHONE, "en")
        cookie = session_cookie(PHONE)
    certificate = Certificate(folder)
    with ExitStack() as running:
        net = running.enter_context(slow_net())
        origin = running.enter_context(serve_inside(net, "app:app", environ, certificate))
        browser = running.enter_context(chromium_inside(net, certificate, folder))
        here = Setting(net, browser, origin, cookie, folder, certificate, quick)
        with here.phone() as page:
            page.goto("/sign-in")
        yield here


def wait_for_desk(page: Page) -> None:
    """Wait until the phone keeps what is written, and what it showed from its own store was looked at again."""
    expect(page.locator("html[data-desk=open]:not([data-kept])")).to_have_count(1)


def install(here: Setting, page: Page) -> None:
    """Open home for the first time, until phone and service worker have all that they want."""
    page.goto("/")
    wait_for_desk(page)
    quiet(page, here.net, INSTALLED_MS)


def write(page: Page, amount: int, note: str = "") -> None:
    """Write an entry on a party's page and wait until the server has it."""
    sent = page.locator("#entries [data-state=done]")
    before = sent.count()
    page.locator("#f-amount").fill(str(amount))
    if note:
        page.locator("#entry-form summary").click()
        page.locator("#f-note").fill(note)
    page.locator("#entry-form button[value=gave]").click()
    expect(sent).to_have_count(before + 1)
