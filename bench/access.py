"""What it costs that nobody is where they don't belong: the guard's share, and changing hands on a slow phone.

The guard's share is taken inside the process, from the same requests: time in `auth._guard` (session, member, shop,
permissions, whatever it reads) over the time of the whole answer. Changing hands is timed in Chromium, slowed down six
times, from sending face and PIN (argon2 included) until the ledger is painted and its scripts have run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from flask import Flask
from playwright.sync_api import Page, sync_playwright
from werkzeug.test import EnvironBuilder, run_wsgi_app

from bench.books import environ_of, make_book, new_app
from bench.report import Line
from bench.servers import serve
from khata.accounts import pins, queries
from khata.core.db import transaction
from khata.core.tokens import key_of
from khata.web import auth, cookies
from khata.web.kept import KeptPages

MOST_SHARE, MOST_MILLISECONDS, SLOWER = 0.15, 300, 6
PARTIES, ENTRIES = 20, 60
PIN = "4071"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]

SHOWN = """async () => {
  await new Promise((shown) => requestAnimationFrame(() => setTimeout(shown)));
  const [opened] = performance.getEntriesByType("navigation");
  const painted = performance.getEntriesByName("first-contentful-paint")[0];
  return Math.max(opened.domContentLoadedEventEnd, painted ? painted.startTime : 0);
}"""


def measure(folder: Path, quick: bool) -> list[Line]:
    """A line for the share, one for changing hands."""
    environ = environ_of(folder)
    app = new_app(environ)
    book = make_book(app, [ENTRIES] * PARTIES)
    share, whole = _share(app, f"/parties/{book.party_ids[0]}", book.headers, 200 if quick else 2000)
    token, device = _shop_phone(app, book)
    with serve("app:app", environ) as port:
        taken = _change_hands(f"http://127.0.0.1:{port}", token, device, 5 if quick else 25)
    return [
        Line("Session, member, permissions", f"≤ {MOST_SHARE:.0%}", f"{share:.1%} of the party page ({whole:.2f} ms)",
             share <= MOST_SHARE),
        Line(f"Changing hands by PIN, CPU {SLOWER}× slower", f"≤ {MOST_MILLISECONDS} ms", f"{taken:.0f} ms",
             taken <= MOST_MILLISECONDS),
    ]  # fmt: skip


def _share(app: Flask, path: str, headers: dict[str, str], rounds: int) -> tuple[float, float]:
    """The guard's share of an answer, and how long the whole takes in milliseconds; medians."""
    spent: list[float] = []
    _time_guard(app, spent)
    KeptPages._keep = lambda *_page: None  # type: ignore[method-assign]  # each page made anew
    shares, wholes = [], []
    for _round in range(rounds):
        environ = EnvironBuilder(path=path, headers=headers).get_environ()
        started = time.perf_counter()
        _answer, status, _headers = run_wsgi_app(app.wsgi_app, environ, buffered=True)
        whole = time.perf_counter() - started
        if status != "200 OK":
            raise RuntimeError(status)
        shares.append(spent.pop() / whole)
        wholes.append(whole * 1000)
    return median(shares), median(wholes)


def _time_guard(app: Flask, spent: list[float]) -> None:
    guards: list[Callable[[], Any]] = app.before_request_funcs[None]
    place = guards.index(auth._guard)

    def timed() -> Any:
        started = time.perf_counter()
        try:
            return auth._guard()
        finally:
            spent.append(time.perf_counter() - started)

    guards[place] = timed


def _shop_phone(app: Flask, book: Any) -> tuple[str, str]:
    """The member and the device cookie of a phone that the book's shop has enrolled."""
    with app.app_context():
        with transaction():
            pins.set_pin(book.actor, book.actor.member_id, PIN)
        device_id = next(iter(queries.devices_ever(queries.team(book.actor.shop_id)[0].person_id)))
        with transaction():
            pins.enrol(book.actor, device_id, pins.LOCK_CHOICES[-1])
        return str(book.actor.member_id), f"{device_id}.{key_of(str(app.secret_key), auth.DEVICE, device_id)}"


def _change_hands(url: str, member: str, device: str, rounds: int) -> float:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        context = browser.new_context(base_url=url, viewport={"width": 360, "height": 640})
        context.add_cookies([{"name": cookies.DEVICE, "value": device, "url": url}])
        page = context.new_page()
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        taken = [_once(page, member) for _round in range(rounds + 1)][1:]  # the first fetches style and script
        browser.close()
    return median(taken)


def _once(page: Page, member: str) -> float:
    page.goto("/unlock")
    page.locator(f"input[value='{member}']").check()
    page.get_by_label("PIN").fill(PIN)
    page.get_by_role("button", name="Open the ledger").click()
    page.wait_for_url("**/")
    taken: float = page.evaluate(SHOWN)
    page.get_by_role("button", name="Lock").click()
    return taken
