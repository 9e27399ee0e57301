"""SIGKILL at any moment: what was said to be written is there, once, and the books agree."""

from __future__ import annotations

import contextlib
import csv
import io
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from khata.core.ids import new_id
from tests.databases import new_database, start_postgresql
from tests.installation import PATIENCE_SECONDS, ROOT, Installation, installed, wait_for

OWNER, SOMEBODY = "+919876500001", "+919812300002"


@pytest.fixture(params=["sqlite", "postgresql"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """An installation on each database, with all its promises kept on the disk."""
    with contextlib.ExitStack() as running:
        url = None
        if request.param == "postgresql":
            url = new_database(running.enter_context(start_postgresql(durable=True)), "khata_faults")
        yield running.enter_context(installed(tmp_path, url))


@pytest.fixture
def khata(tmp_path: Path) -> Iterator[Installation]:
    """An installation on SQLite."""
    with installed(tmp_path) as installation:
        yield installation


class Phone(threading.Thread):
    """Writes one entry after the other and sends each, with its id, until the server says that it is written."""

    def __init__(self, khata: Installation, cookies: httpx.Cookies, party: str) -> None:
        super().__init__(daemon=True)
        self.khata, self.cookies, self.party = khata, cookies, party
        self.written: list[str] = []
        self.sent_again = 0
        self.done = threading.Event()
        self.fault: str | None = None

    def run(self) -> None:
        """Until told to stop; the entry that is on its way is brought to its end."""
        with self.khata.client() as client:
            client.cookies = self.cookies
            while not self.done.is_set() and self.fault is None:
                self._write(client, str(new_id()), len(self.written) + 1)

    def _write(self, client: httpx.Client, entry_id: str, amount: int) -> None:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            try:
                fields = {"id": entry_id, "direction": "gave", "amount": str(amount)}
                status = client.post(f"{self.party}/entries", data=fields).status_code
            except httpx.TransportError:
                self.sent_again += 1
                time.sleep(0.02)
                continue
            if status == 303:
                self.written.append(entry_id)
            else:
                self.fault = f"answered {status}"
            return
        self.fault = "the server never came back"


def entries(client: httpx.Client) -> list[dict[str, str]]:
    """All entries of the shop, as it gives them out."""
    return take_out(client, "entries.csv")


def take_out(client: httpx.Client, name: str) -> list[dict[str, str]]:
    """The rows of a file that the shop gives out."""
    text = client.get(client.post("/exports", data={"file": name}).headers["Location"]).text
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_web_server_killed_while_entries_are_sent(durable: Installation) -> None:
    khata, chance = durable, random.Random(7)
    kills = 5 if khata.environ["KHATA_DATABASE_URL"].startswith("sqlite") else 3
    khata.start_worker()
    khata.start_web()
    with khata.client() as client:
        khata.open_shop(client, OWNER)
        party = client.post("/parties", data={"name": "Ramesh", "kind": "customer"}).headers["Location"]
        phones = [Phone(khata, client.cookies, party) for _each in range(2)]
        for phone in phones:
            phone.start()
        for _kill in range(kills):
            before = sum(len(phone.written) for phone in phones)
            wait_for(lambda before=before: sum(len(phone.written) for phone in phones) > before + 5, "entries")
            time.sleep(chance.random() / 5)
            khata.kill("web")
            khata.start_web()
        for phone in phones:
            phone.done.set()
        for phone in phones:
            phone.join(PATIENCE_SECONDS)
        assert [phone.fault for phone in phones] == [None, None]
        assert sum(phone.sent_again for phone in phones) >= kills
        kept = Counter(row["entry_id"] for row in entries(client))
        assert set(kept) == {entry for phone in phones for entry in phone.written}
        assert set(kept.values()) == {1}
        owed = sum(n * (n + 1) // 2 for n in (len(phone.written) for phone in phones))
        assert [row["will_get"] for row in take_out(client, "parties.csv")] == [f"{owed}.00"]
    assert "agree" in khata.flask("verify").stdout


def test_two_phones_send_the_same_id_at_once(durable: Installation) -> None:
    khata = durable
    khata.start_worker()
    khata.start_web()
    with khata.client() as client:
        khata.open_shop(client, OWNER)
        party = client.post("/parties", data={"name": "Ramesh", "kind": "customer"}).headers["Location"]
        for _round in range(10):
            fields = {"id": str(new_id()), "direction": "gave", "amount": "5"}
            assert race(khata, client, f"{party}/entries", [fields, fields]) == [303, 303]
            other = {**fields, "id": str(new_id())}
            statuses = race(khata, client, f"{party}/entries", [other, {**other, "amount": "7"}])
            assert sorted(statuses) == [303, 409]
        assert set(Counter(row["entry_id"] for row in entries(client)).values()) == {1}
        assert len(entries(client)) == 20
    assert "agree" in khata.flask("verify").stdout


def race(khata: Installation, client: httpx.Client, path: str, forms: list[dict[str, str]]) -> list[int]:
    """Send all forms at the same moment, each on a connection of its own; gives the statuses."""
    start, statuses = threading.Barrier(len(forms)), [0] * len(forms)

    def send(place: int) -> None:
        with khata.client() as phone:
            phone.cookies = client.cookies
            phone.get("/healthz")
            start.wait(PATIENCE_SECONDS)
            statuses[place] = phone.post(path, data=forms[place]).status_code

    threads = [threading.Thread(target=send, args=(place,), daemon=True) for place in range(len(forms))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return statuses


TAKE_THE_BELL_AND_DIE = """
import os
from app import huey
assert huey.dequeue() is not None
os.kill(os.getpid(), 9)
"""


def test_worker_killed_between_the_bell_and_sending(khata: Installation) -> None:
    """Huey takes a task out before it runs: the sweep of the next worker finds the message all the same."""
    khata.start_web()
    with khata.client() as client:
        assert client.post("/sign-in", data={"phone": OWNER}).status_code == 303
        died = subprocess.run([sys.executable, "-c", TAKE_THE_BELL_AND_DIE], cwd=ROOT, env=khata.environ)
        assert died.returncode == -9
        assert khata.messages(OWNER) == []
        khata.start_worker()
        code = khata.code_for(OWNER)
        assert client.post("/sign-in/code", data={"code": code}).headers["Location"] == "/shops/new"
    khata.kill("worker")
    khata.start_worker()
    with khata.client() as client:
        assert client.post("/sign-in", data={"phone": SOMEBODY}).status_code == 303
    khata.code_for(SOMEBODY)
    assert len(khata.messages(OWNER)) == 1, "the second worker sent it again"


@pytest.fixture
def purchases(tmp_path: Path) -> Path:
    """20,000 purchases of 2,000 customers, some twice to the letter, as the CDNOW sample has them."""
    chance, path = random.Random(3), tmp_path / "purchases.txt"
    with path.open("w", encoding="ascii", newline="\r\n") as file:
        for number in range(20_000):
            customer, cents = number // 10 + 1, chance.randint(1, 20_000)
            day = f"1997{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
            file.write(f" {customer:05} {customer:04} {day} {1:2} {cents / 100:7.2f}\n")
    return path


def test_import_killed_twice_goes_on_and_adds_nothing_twice(khata: Installation, purchases: Path) -> None:
    khata.start_worker()
    khata.start_web()
    with khata.client() as client:
        khata.open_shop(client, OWNER)
        upload = {"file": (purchases.name, purchases.read_bytes(), "text/plain")}
        page = client.post("/imports", data={"format": "cdnow"}, files=upload).headers["Location"]
        assert client.post(f"{page}/rows").status_code == 303
        wait_for(lambda: chunks_done(khata) >= 2, "some chunks")
        khata.kill("worker")
        assert 0 < count(khata, "entries") < 20_000
        assert "agree" in khata.flask("verify").stdout

        words = ["import", str(purchases), "--shop-phone", OWNER, "--format", "cdnow"]
        enough = chunks_done(khata) + 6
        again = subprocess.Popen(khata.command(*words), cwd=ROOT, env=khata.environ, stdout=subprocess.DEVNULL)
        wait_for(lambda: chunks_done(khata) >= enough, "some more chunks")
        again.kill()
        again.wait()
        assert count(khata, "entries") < 20_000

        grow_old(khata)
        khata.start_worker()
        wait_for(lambda: count(khata, "imports WHERE status = 'done'") == 2, "the sweep to bring both to their end")
        assert "20000 lines were in the ledger already" in khata.flask(*words).stdout
        assert count(khata, "parties") == 2_000
        rows = entries(client)
    assert len(rows) == len({row["entry_id"] for row in rows}) == 20_000
    typed = [line.split()[4] for line in purchases.read_text("ascii").splitlines()]
    assert sum(map(cents, (row["amount"] for row in rows))) == sum(map(cents, typed))
    assert "agree" in khata.flask("verify").stdout


def cents(amount: str) -> int:
    """An amount with two decimals, in cents."""
    return int(amount.replace(".", ""))


def chunks_done(khata: Installation) -> int:
    """How many chunks of imports are written, over all imports."""
    return look(khata, "SELECT coalesce(sum(chunks_done), 0) FROM imports")


def count(khata: Installation, table: str) -> int:
    """How many rows a table has."""
    return look(khata, f"SELECT count(*) FROM {table}")


def grow_old(khata: Installation) -> None:
    """Let the imports look as if nobody had worked on them for ten minutes."""
    with contextlib.closing(sqlite3.connect(khata.folder / "khata.db", timeout=PATIENCE_SECONDS)) as connection:
        connection.execute("UPDATE imports SET seen_at = seen_at - 600000")
        connection.commit()


def look(khata: Installation, query: str) -> int:
    """One number of the installation's SQLite file."""
    with contextlib.closing(sqlite3.connect(khata.folder / "khata.db", timeout=PATIENCE_SECONDS)) as connection:
        return int(connection.execute(query).fetchone()[0])
