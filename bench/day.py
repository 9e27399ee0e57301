"""A shop's day on the line: what the app costs once, an entry, a page seen again, and a whole day, in IP bytes.

The browser is Chromium with the service worker on, so pages come from the phone and are looked at again, and entries go
through POST /sync. The day: customers come in five sittings; for each of 15 one looks at the ledger, opens the account
and writes six or seven entries, one after the other, each sent before the next is typed. Between sittings the line
drops: the next one begins with a new connection.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from bench.inside import quiet
from bench.report import Line, at_most_bytes
from bench.setting import Setting, install, setting, wait_for_desk, write
from bench.slow_net import SERVER_ADDRESS, why_not
from khata.ledger.queries import HOME_PAGE

ENTRY_BYTES, DAY_BYTES, WITH_DICTIONARY_BYTES = 2_048, 150 * 1024, 700
ENTRIES, CUSTOMERS, SITTINGS = 100, 15, 5
NOTES = ("", "", "rice 5 kg", "oil, sugar", "soap")
CODING = """(path) => fetch(path, { cache: "no-store" }).then((answer) => answer.arrayBuffer().then(() => {
  const found = performance.getEntriesByName(answer.url).pop();
  return [answer.headers.get("Content-Encoding"), found ? found.encodedBodySize : 0];
}))"""


def measure(folder: Path, quick: bool) -> list[Line]:
    """The lines; a single one that says why, where this machine can't make a slow network."""
    missing = why_not()
    if missing:
        return [Line("A day on 2G", "", f"not measured: {missing}")]
    with setting(folder, quick) as here:
        here.net.set_line("2g")
        with here.phone(signed_in=True) as page:
            once = here.cost(page, lambda: install(here, page))
            lines = [Line("First opening, everything the app keeps, both ways", "", f"{once:,} B on the line")]
            lines += _through_the_worker(page)
            lines += _one_entry(here, page)
        with here.phone(signed_in=True) as page:
            install(here, page)
            return [*lines, *_day(here, page)]


def _through_the_worker(page: Page) -> list[Line]:
    """The home page as the service worker's own fetch gets it."""
    (worker,) = page.context.service_workers
    coding, size = worker.evaluate(CODING, "/")
    if coding != "dcz":
        return [Line(f"Home, {HOME_PAGE} customers, the worker's fetch", "dcz", str(coding), False)]
    return [at_most_bytes(f"Home, {HOME_PAGE} customers, the worker's fetch, dcz", size, WITH_DICTIONARY_BYTES)]


def _one_entry(here: Setting, page: Page) -> list[Line]:
    """The connection is warm; the phone has the dictionary, and its list of parties once the first entry is sent."""
    page.locator("#parties a").nth(1).click()
    wait_for_desk(page)
    quiet(page, here.net)
    first = here.cost(page, lambda: write(page, 99))
    found, seconds = [], []
    for at in here.repeats(9, 3):
        start = _now(page)
        found.append(here.cost(page, lambda at=at: write(page, 100 + at)))  # type: ignore[misc]
        seconds.append((_now(page) - start) / 1000)
    size = round(median(found))
    return [
        Line("Recording one entry on 2g, POST /sync, both ways, warm", f"≤ {ENTRY_BYTES:,} B",
             f"{size:,} B (from {min(found):,} to {max(found):,})", size <= ENTRY_BYTES),
        Line("The first entry of a phone, with its list of all parties", "", f"{first:,} B"),
    ]  # fmt: skip


def _now(page: Page) -> float:
    return float(page.evaluate("performance.timeOrigin + performance.now()"))


def _day(here: Setting, page: Page) -> list[Line]:
    share = 5 if here.quick else 1
    entries, customers = ENTRIES // share, CUSTOMERS // share
    chance = random.Random(12)
    costs: dict[str, list[int]] = {"an entry": [], "home": [], "an account": [], "a new connection and home": []}
    start, packets = here.net.count().bytes, here.net.count().packets
    for customer in range(customers):
        kind = "home"
        if customer % (CUSTOMERS // SITTINGS) == 0:
            _drop_line(here)
            kind = "a new connection and home"
        costs[kind].append(here.cost(page, lambda: _home(page), 500))
        at = chance.randrange(HOME_PAGE)
        costs["an account"].append(here.cost(page, lambda at=at: _account(page, at), 500))  # type: ignore[misc]
        for _entry in range(entries * (customer + 1) // customers - entries * customer // customers):
            amount, note = chance.randint(5, 900), chance.choice(NOTES)
            act = lambda amount=amount, note=note: write(page, amount, note)  # noqa: E731
            costs["an entry"].append(here.cost(page, act, 500))
    size = (here.net.count().bytes - start) * share
    parts = "; ".join(
        f"{len(found)} × {name} {sum(found) / 1000:.1f} KB (median {median(found):,.0f} B)"
        for name, found in costs.items()
    )
    about = f"A day of {ENTRIES} entries and {CUSTOMERS * 2} page views, line dropped {SITTINGS} times"
    dropped = costs["a new connection and home"]
    whole_line = size - round(sum(dropped) - len(dropped) * median(costs["home"])) * share
    return [
        Line(about, f"≤ {DAY_BYTES // 1024} KB", f"{size / 1024:.1f} KB", size <= DAY_BYTES),
        Line(
            "The same on one connection, reckoned from the parts",
            f"≤ {DAY_BYTES // 1024} KB",
            f"{whole_line / 1024:.1f} KB",
            whole_line <= DAY_BYTES,
        ),
        Line("The day's parts", "", f"{parts}; {here.net.count().packets - packets:,} packets"),
    ]


def _home(page: Page) -> None:
    page.goto("/")
    wait_for_desk(page)


def _account(page: Page, at: int) -> None:
    page.locator("#parties a").nth(at).click()
    page.locator("#entry-form").wait_for()
    wait_for_desk(page)


def _drop_line(here: Setting) -> None:
    """Every connection of the phone is lost."""
    subprocess.run(
        here.net.inside(here.net.phone, ["ss", "-K", "dst", SERVER_ADDRESS]), check=True, capture_output=True
    )
