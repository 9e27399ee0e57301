"""With no network: opening the app again, and from the tap to the entry that is kept and on the screen.

The server is stopped, so no byte can come. Opening: a new tab, no service worker running yet, until the first
contentful paint. The tap: from the click on "You gave" (as the browser stamped it, waiting for the main thread
included) until the row stands in the list and the next frame has begun; by then IndexedDB has it on the disk. The
page's thread is slowed down by CDP; the service worker's is not, there is no switch for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from bench.books import environ_of, new_app, session_cookie
from bench.inside import CHROMIUM, PATIENCE_MS, first_paint_ms, new_phone
from bench.report import Line
from bench.servers import serve
from bench.setting import PHONE, wait_for_desk
from khata.demo import make_demo

OPENING_MS, OPENING_SLOWER = 300, 4
TAP_MS, TAP_SLOWER, TAPS = 100, 6, 40
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
WARM = """async (path) => {
  const names = (await caches.keys()).filter((name) => name.startsWith("pages"));
  return names.length === 1 && (await (await caches.open(names[0])).keys()).some(({ url }) => url.endsWith(path));
}"""
PARTS = """() => {
  const [opened] = performance.getEntriesByType("navigation");
  const style = performance.getEntriesByType("resource").find(({ name }) => name.endsWith(".css"));
  return [opened.workerStart, opened.responseStart, style.responseEnd, opened.domContentLoadedEventEnd];
}"""
WATCH_TAPS = """() => {
  window.taps = [];
  const entries = document.querySelector("#entries");
  const mine = () => entries.querySelectorAll(".mine").length;
  let tapped, before;
  addEventListener("click", (event) => {
    if (event.target.closest("button[value=gave]")) [tapped, before] = [event.timeStamp, mine()];
  }, true);
  new MutationObserver(() => {
    if (tapped === undefined || mine() <= before) return;
    const [start, kept] = [tapped, performance.now()];
    tapped = undefined;
    requestAnimationFrame(() => setTimeout(() => window.taps.push([kept - start, performance.now() - start])));
  }).observe(entries, { childList: true });
}"""


def measure(folder: Path, quick: bool) -> list[Line]:
    """Opening again with nothing to send and with much to send; the taps."""
    environ = environ_of(folder)
    app = new_app(environ)
    with app.app_context():
        make_demo(PHONE, "en")
        cookie = session_cookie(PHONE)
    with sync_playwright() as playwright, ExitStack() as running:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        running.callback(browser.close)
        with serve("app:app", environ) as port:
            phone = new_phone(browser, f"http://127.0.0.1:{port}", cookie)
            account = _install(phone)
        page = phone.new_page()
        opening = [_opening(phone, path, 5 if quick else 25) for path in ("/", account)]
        taps = _taps(phone, page, account, 10 if quick else TAPS)
        waited = _opening(phone, "/", 5 if quick else 25)
    homes, accounts = ([times[0] for times in found] for found in opening)
    waiting = [times[0] for times in waited]
    parts = [median(column) for column in zip(*opening[0], strict=True)]
    shown, painted = ([tap[at] for tap in taps] for at in (0, 1))
    worst = _p95(painted)
    return [
        Line(f"Opening again, no network, CPU {OPENING_SLOWER}× slower: home", f"≤ {OPENING_MS} ms", _said(homes),
             median(homes) <= OPENING_MS),
        Line("of it: worker starts, page has come, style has come, scripts have run", "",
             " · ".join(f"{part:.0f} ms" for part in parts[1:])),
        Line(f"the same with {len(taps)} entries waiting", f"≤ {OPENING_MS} ms", _said(waiting),
             median(waiting) <= OPENING_MS),
        Line("the same: a customer's page", f"≤ {OPENING_MS} ms", _said(accounts), median(accounts) <= OPENING_MS),
        Line(f"Tap to durable and on screen, no network, CPU {TAP_SLOWER}× slower, p95", f"≤ {TAP_MS} ms",
             f"{worst:.0f} ms (median {median(painted):.0f}; row in the page: p95 {_p95(shown):.0f}, "
             f"median {median(shown):.0f}; {len(taps)} taps)",
             worst <= TAP_MS),
    ]  # fmt: skip


def _said(found: Sequence[float]) -> str:
    return f"{median(found):.0f} ms (p95 {_p95(found):.0f}, {len(found)} times)"


def _p95(found: Sequence[float]) -> float:
    return sorted(found)[-(-len(found) * 95 // 100) - 1]


def _install(phone: BrowserContext) -> str:
    """Open what will be opened again; gives a customer's address once the phone keeps everything."""
    page = phone.new_page()
    page.goto("/")
    wait_for_desk(page)
    _wait_until_kept(page, "/outbox")
    _wait_until_kept(page, "/cash")
    page.locator("#parties a").nth(1).click()
    page.locator("#entry-form").wait_for()
    wait_for_desk(page)
    account = str(page.evaluate("location.pathname"))
    _wait_until_kept(page, account)
    page.wait_for_timeout(1000)
    page.close()
    return account


def _wait_until_kept(page: Page, path: str) -> None:
    for _time in range(200):
        if page.evaluate(WARM, path):
            return
        page.wait_for_timeout(50)
    raise RuntimeError(f"the phone does not keep {path}")


def _opening(phone: BrowserContext, path: str, times: int) -> list[list[float]]:
    """Milliseconds to the first paint, and to what stands before it, for each time."""
    return [_open_once(phone, path) for _time in range(times)]


def _open_once(phone: BrowserContext, path: str) -> list[float]:
    page = phone.new_page()
    steering = phone.new_cdp_session(page)
    steering.send("ServiceWorker.enable")
    steering.send("ServiceWorker.stopAllWorkers")
    steering.send("Emulation.setCPUThrottlingRate", {"rate": OPENING_SLOWER})
    page.goto(path, wait_until="commit")
    taken = [first_paint_ms(page)]
    expect(page.locator("html[data-desk=open]")).to_have_count(1)
    if not page.locator("#parties a, #entry-form").count():
        raise RuntimeError("it was not the page that was opened")
    taken += page.evaluate(PARTS)
    page.close()
    return taken


def _taps(phone: BrowserContext, page: Page, account: str, times: int) -> list[tuple[float, float]]:
    page.goto(account)
    expect(page.locator("html[data-desk=open]")).to_have_count(1)
    phone.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": TAP_SLOWER})
    page.evaluate(WATCH_TAPS)
    for at in range(times):
        page.locator("#f-amount").fill(str(10 + at))
        page.locator("#entry-form button[value=gave]").click()
        page.wait_for_function("(count) => window.taps.length >= count", arg=at + 1, timeout=PATIENCE_MS)
    rows = page.locator("#entries .mine").count()
    if rows != times:
        raise RuntimeError(f"{rows} rows after {times} taps")
    return [tuple(tap) for tap in page.evaluate("window.taps")]
