"""Over 2G, GPRS and EDGE: time to the first paint, and IP bytes, between a real Chromium and Granian.

TLS 1.3 and HTTP/2 straight from Granian, with a self-signed certificate (a real chain is 2 to 3 KB longer). Times and
bytes are medians of repeats. The same task is done in a peer that anyone can install, on the same line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from playwright.sync_api import Browser, Page, expect

from bench import peer
from bench.books import environ_of, new_app, session_cookie
from bench.inside import PATIENCE_MS, Certificate, chromium_inside, first_paint_ms, new_phone, quiet, serve_inside
from bench.report import Line
from bench.slow_net import SlowNet, slow_net, why_not
from khata.demo import make_demo

PHONE = "+919876543210"
FIRST_PAINT_SECONDS = {"2g": 1.9, "gprs": 4.3, "edge": 3.9}
ENTRY_BYTES, LOSS_TIMES = 2_048, 1.4
REQUESTS = """(paint) => 1 + performance.getEntriesByType("resource").filter((one) => one.responseEnd < paint).length"""

expect.set_options(timeout=PATIENCE_MS)


class Setting(NamedTuple):
    """What every measure needs."""

    net: SlowNet
    browser: Browser
    origin: str
    cookie: str
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


def measure(folder: Path, quick: bool) -> list[Line]:
    """The lines; a single one that says why, where this machine can't make a slow network."""
    missing = why_not()
    if missing:
        return [Line("Slow network", "", f"not measured: {missing}")]
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
        here = Setting(net, browser, origin, cookie, quick)
        with here.phone() as page:
            page.goto("/sign-in")  # the browser's own first steps are not measured
        lines = [*_round_trips(here), *_first_paints(here), *_loss(here), *_by_hand(here)]
        return [*lines, *_task(here), *peer.lines(net, browser, folder, certificate, quick)]


def _opened(here: Setting, url: str, signed_in: bool = False) -> float:
    """Milliseconds to the first paint of a page that is opened cold."""
    with here.phone(signed_in) as page:
        quiet(page, here.net, 400)  # the phone before hangs up
        page.goto(url, wait_until="commit")
        return first_paint_ms(page)


def _round_trips(here: Setting) -> list[Line]:
    with here.phone() as page:
        quiet(page, here.net, 400)
        here.net.set_line("far")
        page.goto("/sign-in", wait_until="commit")
        paint = first_paint_ms(page)
        passed, requests = here.net.count(), page.evaluate(REQUESTS, paint)
    said = f"{passed.bytes:,} B on the line ({passed.up:,} up), {paint // 1000:.0f} round trips, handshakes included"
    return [
        Line("Sign-in page, cold, requests to the first paint", "1", f"{requests}", requests == 1),
        Line("Sign-in page, cold, to the first paint", "", said),
    ]


def _first_paints(here: Setting) -> list[Line]:
    lines = []
    for profile, goal in FIRST_PAINT_SECONDS.items():
        here.net.set_line(profile)
        seconds = median(_opened(here, "/sign-in") for _time in here.repeats(5, 1)) / 1000
        lines.append(
            Line(f"First paint on {profile}, sign-in, cold", f"≤ {goal} s", f"{seconds:.2f} s", seconds <= goal)
        )
        seconds = median(_opened(here, "/", signed_in=True) for _time in here.repeats(2, 1)) / 1000
        lines.append(Line(f"First paint on {profile}, home, cold", "", f"{seconds:.2f} s"))
    return lines


def _loss(here: Setting) -> list[Line]:
    """Every fourth load may be slow; the others should hardly notice that one packet in thirty is lost."""
    slowest: dict[str, float] = {}
    for profile in ("2g", "2g-lossy"):
        here.net.set_line(profile)
        found = [_opened(here, "/sign-in") for _time in here.repeats(16, 3)]
        slowest[profile] = quantiles(found, n=4)[2] / 1000
    times = slowest["2g-lossy"] / slowest["2g"]
    said = f"{times:.2f}× ({slowest['2g-lossy']:.2f} s against {slowest['2g']:.2f} s)"
    return [Line("First paint on 2g, 3 % of packets lost, p75", f"≤ {LOSS_TIMES}×", said, times <= LOSS_TIMES)]


def _by_hand(here: Setting) -> list[Line]:
    """A connection that is warm, a phone that has everything: entries, and home after each."""
    here.net.set_line("2g")
    found: dict[str, list[float]] = {"entry": [], "entry ms": [], "home": []}
    with here.phone(signed_in=True) as page:
        page.goto("/")
        quiet(page, here.net, 2500)  # the dictionary comes last of all
        for at in here.repeats(7, 3):
            page.locator("#parties a").nth(1).click()
            quiet(page, here.net)
            entry = _counted(here, page, lambda at=at: _write(page, 100 + at))  # type: ignore[misc]
            found["entry"].append(entry[0])
            found["entry ms"].append(entry[1])
            found["home"].append(_counted(here, page, lambda: page.goto("/"))[0])
    size, took = median(found["entry"]), median(found["entry ms"])
    return [
        Line(
            "Recording one entry on 2g, both ways, warm",
            f"≤ {ENTRY_BYTES:,} B",
            f"{size:,.0f} B ({took / 1000:.2f} s)",
            size <= ENTRY_BYTES,
        ),
        Line("Home on 2g after an entry, both ways, warm", "", f"{median(found['home']):,.0f} B"),
    ]


def _counted(here: Setting, page: Page, act: Callable[[], object]) -> tuple[int, float]:
    """IP bytes both ways, and milliseconds until what was done is seen."""
    before, start = here.net.count().bytes, _now(page)
    act()
    took = _now(page) - start
    quiet(page, here.net)
    return here.net.count().bytes - before, took


def _now(page: Page) -> float:
    return float(page.evaluate("performance.timeOrigin + performance.now()"))


def _write(page: Page, amount: int) -> None:
    """Write an entry and wait until the balance shows it."""
    before = page.locator("#balance").inner_text()
    page.locator("#f-amount").fill(str(amount))
    page.locator("#entry-form button[value=gave]").click()
    expect(page.locator("#balance")).not_to_have_text(before)


def _task(here: Setting) -> list[Line]:
    """Open, add an entry, see the balance: the first time, and the next day."""

    def act(page: Page) -> None:
        page.goto("/")
        page.locator("#parties a").nth(2).click()
        _write(page, 250)

    return peer.task_lines("Khata", here.net, here.browser, here.origin, here.cookie, act, here.repeats(3, 1))
