"""A phone that writes while everything around it breaks: nothing is lost, nothing stands twice.

A run is a random schedule, made by its seed: KHATA_SEED=17 plays number 17 alone. What the phone said it keeps must
stand in the book once; what was on its way to being kept when the page went may stand there once or not at all.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Playwright, expect

from tests.browser.conftest import CHROMIUM, FLAGS, SMALL_ANDROID, fresh_number
from tests.browser.line import Line, line_to
from tests.browser.phone import Shop, wait_for_desk
from tests.installation import Installation, installed, wait_for

# `make soak` goes on where `make test` ends.
FIRST, RUNS = (21, 200) if os.environ.get("KHATA_SOAK") else (1, 20)
SEEDS = [int(os.environ["KHATA_SEED"])] if "KHATA_SEED" in os.environ else list(range(FIRST, FIRST + RUNS))
KILLS_BROWSER_EVERY = 4  # runs: starting a browser takes longer than all the rest of one
PATIENCE_SECONDS = 15

# What may happen, and how often. The first group is the person's doing, the second befalls them.
STEPS = {
    **{"write": 8, "write, then": 8, "write twice": 3, "add": 3, "edit": 4, "delete": 2, "go": 2, "other tab": 1},
    **{"reload": 2, "cut": 4, "mend": 4, "lose answer": 4, "kill web": 1, "start web": 3},
    **{"kill worker": 2, "close page": 1, "kill browser": 2},
}
BREAKS = ["reload", "cut", "kill web", "kill worker", "close page", "kill browser"]  # right after a tap

# Its pages and the list of parties came.
IS_SETTLED = """async () => {
  const answer = (asked) => new Promise((done) => { asked.onsuccess = () => done(asked.result); });
  const base = await answer(indexedDB.open("khata"));
  const names = await answer(base.transaction("kept").objectStore("kept").getAllKeys());
  base.close();
  return names.some((name) => name.startsWith("list ")) && !!(await caches.match("/cash"));
}"""

happened: Counter[str] = Counter()


class State(NamedTuple):
    """An entry as it may stand in the book."""

    party: str
    minor: int
    is_deleted: bool


class Model:
    """What the book may say: of each party and entry the states that are possible; None where it may be absent."""

    def __init__(self) -> None:
        self.entries: dict[str, set[State | None]] = {}
        self.parties: dict[str, bool] = {}  # whether it surely stands there
        self.changed: set[str] = set()

    def write(self, entry: str, state: State, *, is_kept: bool) -> None:
        """An entry was written, and the phone said that it keeps it; or nobody knows."""
        assert entry not in self.entries, "an id was used twice"
        self.entries[entry] = {state} if is_kept else {None, state}

    def change(self, entry: str, **changes: int) -> None:
        """An entry was changed, and the phone keeps that; whether it is there at all is as sure as it was."""
        self.entries[entry] = {state and state._replace(**changes) for state in self.entries[entry]}


class Phone:
    """A browser in which somebody writes, and what they know of it. Each step draws from a chance of its own."""

    def __init__(self, world: World, seed: int, launch: Callable[[], BrowserContext]) -> None:
        self.world, self.seed, self.launch = world, seed, launch
        self.chance = random.Random(seed)
        self.model = Model()
        self.amount = 10
        self.told: list[str] = []
        self.began_at = time.monotonic()
        self.context = launch()
        self.page = self.context.new_page()
        self.person: dict[str, Callable[[], None]] = {
            "write": self.write,
            "write, then": self.write_then,
            "write twice": self.write_twice,
            "add": self.add,
            "edit": self.edit,
            "delete": self.delete,
            "go": self.go,
            "other tab": self.other_tab,
            "reload": self.reload,
            "close page": self.close_page,
            "kill browser": self.kill_browser,
            "kill worker": self.kill_worker,
        }

    # --- the schedule

    def run(self) -> None:
        """All steps; a step that makes no sense now is passed over."""
        names = self.chance.choices(list(STEPS), list(STEPS.values()), k=self.chance.randint(15, 25))
        for number, name in enumerate(names):
            self.chance = random.Random(f"{self.seed} {number}")
            self.do(name)

    def do(self, name: str) -> None:
        """One step."""
        self.told.append(f"{time.monotonic() - self.began_at:.1f} s: {name}")
        happened[name] += 1
        (self.person.get(name) or self.world.doings[name])()

    # --- pages

    def open(self, path: str) -> None:
        """Go there, and wait until what is written is kept."""
        with contextlib.suppress(Error):  # "interrupted": the page was about to go there by itself
            self.page.goto(self.world.line.url + path, wait_until="domcontentloaded")
        self.page.wait_for_url("**" + path)
        wait_for_desk(self.page)

    def at_form(self) -> Locator:
        """The field for the amount, on somebody's page."""
        path = "/" + self.page.url.removeprefix(self.world.line.url).lstrip("/")
        surely = [party for party, is_sure in self.model.parties.items() if is_sure]
        if path not in surely or self.chance.random() < 0.2:
            self.open(self.chance.choice(surely))
        return self.page.locator("#entry-form [name=amount]")

    def go(self) -> None:
        """To another page."""
        paths = ["/", "/cash", "/outbox", *(party for party, is_sure in self.model.parties.items() if is_sure)]
        self.open(self.chance.choice(paths))

    def reload(self) -> None:
        """The same page again."""
        self.page.reload(wait_until="domcontentloaded")
        wait_for_desk(self.page)

    def close_page(self) -> None:
        """Away with it, and another one."""
        old, self.page = self.page, self.context.new_page()
        old.close()
        self.open("/")

    def other_tab(self) -> None:
        """Go on in another tab; the one before stays open."""
        pages = self.context.pages
        self.page = pages[0] if len(pages) > 1 and pages[0] != self.page else self.context.new_page()
        if self.page.url == "about:blank":
            self.open("/")

    def kill_worker(self) -> None:
        """As a phone does that needs the memory."""
        session = self.context.new_cdp_session(self.page)
        session.send("ServiceWorker.enable")
        session.send("ServiceWorker.stopAllWorkers")
        session.detach()

    def kill_browser(self) -> None:
        """All of its processes at once, where they are this run's own."""
        profile = self.world.profile
        if profile is None:
            return self.close_page()
        with self.context.expect_event("close"):
            kill_browser_of(profile)
        self.context = self.launch()
        self.page = self.context.pages[0]
        self.open("/")
        return None

    # --- writing

    def type_entry(self) -> tuple[Locator, Locator, str, State]:
        """An entry that is typed and not written yet: its field, the button, its id, and what it would be."""
        field = self.at_form()
        self.amount += 1
        way, sign = self.chance.choice([("gave", 1), ("got", -1)])
        field.fill(str(self.amount))
        entry = self.page.locator("#entry-form [name=id]").input_value()
        party = "/" + self.page.url.removeprefix(self.world.line.url).lstrip("/")
        button = self.page.locator(f"#entry-form button[value={way}]")
        return field, button, entry, State(party, sign * self.amount * 100, is_deleted=False)

    def write(self) -> None:
        """One entry, until the phone says that it keeps it."""
        field, button, entry, state = self.type_entry()
        button.click()
        expect(field).to_have_value("")
        self.model.write(entry, state, is_kept=True)
        self.note(entry, state)

    def write_twice(self) -> None:
        """Two taps on the same button."""
        field, button, entry, state = self.type_entry()
        if self.chance.random() < 0.5:
            button.dblclick()
        else:
            button.evaluate("button => { button.click(); button.click(); }")
        expect(field).to_have_value("")
        self.model.write(entry, state, is_kept=True)
        self.note(entry, state)

    def write_then(self) -> None:
        """Something breaks while an entry is on its way: to the disk, to the server, or back."""
        field, button, entry, state = self.type_entry()
        wait, name = self.chance.choice([0, 0, 10, 30, 60]), self.chance.choice(BREAKS)
        button.click(no_wait_after=True)
        self.page.wait_for_timeout(wait)
        is_kept = field.input_value() == ""
        self.do(name)
        if name in ("cut", "kill web", "kill worker"):
            expect(field).to_have_value("")
            is_kept = True
        self.model.write(entry, state, is_kept=is_kept)
        self.note(entry, state, "" if is_kept else "perhaps")

    def add(self) -> None:
        """A customer, and at once an entry for them."""
        self.open("/parties/new?kind=customer")
        self.page.locator("form.page [name=name]").fill(f"Customer {len(self.model.parties)}")
        self.page.locator("form.page button").last.click()
        self.page.wait_for_url(re.compile("/parties/[0-9a-f-]{36}$"))
        wait_for_desk(self.page)
        self.model.parties[self.page.url.removeprefix(self.world.line.url)] = True
        self.write()

    def opened_entry(self) -> str | None:
        """The id of an entry whose page could be opened, to be changed for the first time."""
        there = [entry for entry, states in self.model.entries.items() if not any(s and s.is_deleted for s in states)]
        there = [entry for entry in there if entry not in self.model.changed]
        if not there:
            return None
        entry = self.chance.choice(there)
        self.open(next(state.party for state in self.model.entries[entry] if state))
        if not self.page.locator(f"#entries a[href='/entries/{entry}']").count():
            return None  # it waits still, so no page leads to it
        self.open(f"/entries/{entry}")
        is_there = self.page.locator(f"form[action='/entries/{entry}']").count() > 0
        return entry if is_there else None

    def edit(self) -> None:
        """Another amount and perhaps the other way, on the entry's own page."""
        if (entry := self.opened_entry()) is None:
            return
        form = self.page.locator(f"form[action='/entries/{entry}']")
        self.amount += 1
        way, sign = self.chance.choice([("gave", 1), ("got", -1)])
        form.locator("[name=amount]").fill(str(self.amount))
        form.locator(f"[name=direction][value={way}]").check(force=True)
        form.locator("button").last.click()
        self.page.wait_for_url("**/parties/*")
        wait_for_desk(self.page)
        self.model.changed.add(entry)
        self.model.change(entry, minor=sign * self.amount * 100)
        self.told.append(f"  {entry} = {sign * self.amount}")
        happened["edited"] += 1

    def delete(self) -> None:
        """On the entry's own page."""
        if (entry := self.opened_entry()) is None:
            return
        form = self.page.locator(f"form[action='/entries/{entry}/deletion']")
        self.page.locator("details", has=form).locator("summary").click()
        form.locator("button").click()
        self.page.wait_for_url("**/parties/*")
        wait_for_desk(self.page)
        self.model.changed.add(entry)
        self.model.change(entry, is_deleted=True)
        self.told.append(f"  {entry} deleted")
        happened["deleted"] += 1

    def note(self, entry: str, state: State, word: str = "") -> None:
        self.told.append(f"  {entry} = {state.minor // 100} for {state.party} {word}")


class World:
    """All that breaks: the server and the line to it. `profile` is where a browser of the run's own keeps things."""

    def __init__(self, khata: Installation, line: Line, profile: Path | None) -> None:
        self.khata, self.line, self.profile = khata, line, profile
        self.is_running = True
        self.doings: dict[str, Callable[[], None]] = {
            "cut": line.cut,
            "mend": line.mend,
            "lose answer": lambda: line.cut_at_answer_to(b"POST /sync "),
            "kill web": self.kill_web,
            "start web": self.start_web,
        }

    def kill_web(self) -> None:
        """SIGKILL."""
        if self.is_running:
            self.is_running = False
            self.khata.kill("web")

    def start_web(self) -> None:
        """Again, at the same port."""
        if not self.is_running:
            self.khata.start_web()
            self.is_running = True

    def mend(self) -> None:
        """All is well again."""
        self.start_web()
        self.line.mend()


@pytest.fixture(scope="module")
def khata(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that may be killed: no other test uses it."""
    with installed(tmp_path_factory.mktemp("faults")) as installation:
        installation.start_worker()
        installation.start_web()
        yield installation


@pytest.fixture(scope="module")
def owner(khata: Installation) -> Iterator[httpx.Client]:
    """Somebody who is signed in."""
    with khata.client() as client:
        khata.open_shop(client, fresh_number())
        yield client


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_and_nothing_doubled(
    seed: int, khata: Installation, shop: Shop, chromium: Browser, playwright: Playwright, tmp_path: Path
) -> None:
    profile = tmp_path / "profile" if seed % KILLS_BROWSER_EVERY == 0 else None
    with line_to(khata.port) as line, contextlib.ExitStack() as open_things:
        world = World(khata, line, profile)
        open_things.callback(world.start_web)

        def launch() -> BrowserContext:
            if profile is None:
                context = chromium.new_context(viewport=SMALL_ANDROID, locale="en-IN")
            else:
                context = playwright.chromium.launch_persistent_context(
                    profile, executable_path=CHROMIUM, args=FLAGS, viewport=SMALL_ANDROID, locale="en-IN"
                )
            open_things.callback(close, context)
            context.set_default_timeout(PATIENCE_SECONDS * 1000)
            context.add_cookies([{"name": name, "value": value, "url": line.url} for name, value in shop.cookies()])
            return context

        phone = Phone(world, seed, launch)
        try:
            settle_in(phone, shop)
            phone.run()
            world.mend()
            wait_until_all_is_sent(phone)
            compare(phone, khata, shop)
        except BaseException as fault:
            fault.add_note(f"Play it again: KHATA_SEED={seed}. What happened:\n" + "\n".join(phone.told))
            raise


def close(context: BrowserContext) -> None:
    """Close it, where it was not killed."""
    with contextlib.suppress(Error):
        context.close()


def settle_in(phone: Phone, shop: Shop) -> None:
    """Two customers are known, and the phone has what it needs to work alone."""
    phone.model.parties = {shop.party("Ramesh"): True, shop.party("Sita"): True}
    phone.open("/")
    wait_for(lambda: phone.page.evaluate(IS_SETTLED), "the phone's own pages, and its list of parties")
    phone.write()


def wait_until_all_is_sent(phone: Phone) -> None:
    """Until the phone itself says so, after no more than opening its page."""
    for page in phone.context.pages[1:]:
        page.close()
    phone.page = phone.context.pages[0]
    phone.open("/outbox")
    try:
        expect(phone.page.locator("[data-none]")).to_be_visible()
    except AssertionError as fault:
        fault.add_note("What waits: " + phone.page.locator("#waiting").inner_text())
        raise


def compare(phone: Phone, khata: Installation, shop: Shop) -> None:
    """Hold what the book says, and what the phone shows of it, against what may be."""
    book = Book(khata, shop.client.get("/sync/desk").json()["shop"])
    lost = [entry for entry, states in phone.model.entries.items() if None not in states and entry not in book.entries]
    assert not lost, f"lost: {lost}"
    strange = [entry for entry in book.entries if entry not in phone.model.entries]
    assert not strange, f"doubled, or from nowhere: {strange}"
    other = {
        entry: (state, phone.model.entries[entry])
        for entry, state in book.entries.items()
        if state not in phone.model.entries[entry]
    }
    assert not other, f"stands otherwise: {other}"
    assert set(book.balances) == {party for party, is_sure in phone.model.parties.items() if is_sure}
    for party, minor in book.balances.items():
        mine = [state for state in book.entries.values() if state.party == party and not state.is_deleted]
        assert minor == sum(state.minor for state in mine), party
        phone.open(party)
        expect(phone.page.locator("#balance")).to_have_text(balance_words(minor))


def balance_words(minor: int) -> re.Pattern[str]:
    """How a balance reads at the top of a page."""
    if not minor:
        return re.compile(r"^\s*Settled\s*$")
    way = "get" if minor > 0 else "give"
    return re.compile(rf"^\s*You will {way}\s+₹{abs(minor) // 100:,}\s*$")


class Book:
    """What stands in the database for one shop."""

    def __init__(self, khata: Installation, shop: str) -> None:
        address = f"file:{khata.folder / 'khata.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            query = "SELECT id, party_id, direction, amount_minor, deleted_at FROM entries WHERE shop_id = ?"
            found = connection.execute(query, [UUID(shop).bytes]).fetchall()
            query = "SELECT id, balance_minor FROM parties WHERE shop_id = ?"
            parties = connection.execute(query, [UUID(shop).bytes]).fetchall()
        self.entries = {
            str(UUID(bytes=id_)): State(address_of(party), minor if way == "gave" else -minor, deleted_at is not None)
            for id_, party, way, minor, deleted_at in found
        }
        self.balances = {address_of(party): minor for party, minor in parties}


def address_of(party: bytes) -> str:
    """The address of somebody's page."""
    return f"/parties/{UUID(bytes=party)}"


def kill_browser_of(profile: Path) -> None:
    """SIGKILL to all processes of the browser that has this profile."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"--user-data-dir={profile}".encode() in (process / "cmdline").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


def test_the_books_agree_and_enough_happened(khata: Installation) -> None:
    """After all runs: each shop's sums, balances and journal, and that the schedules broke what they should."""
    assert "agree" in khata.flask("verify").stdout
    rare = [name for name in [*STEPS, "edited", "deleted"] if not happened[name]]
    assert not rare or len(SEEDS) < 10, happened
