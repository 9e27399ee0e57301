"""SIGKILL while a shop is erased: the next run brings it to its end, the neighbour has all its rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import sqlalchemy as sa

from tests.faults.test_kills import durable, take_out
from tests.installation import ROOT, Installation, wait_for

__all__ = ["durable"]
ENTRIES = 1500
OWNER, NEIGHBOUR = "+919876500001", "+919812300002"
SHOP, CUSTOMER, NOTE = "Quaint Asha Store", "Zulfiqar Quaintance", "a quaint remark"

ERASE = """
from app import app
from tasks import privacy
privacy.CHUNK = 100
with app.app_context():
    privacy.erase_due(pause_seconds={pause})
"""


class Street(NamedTuple):
    """A shop of 1,500 entries whose time is over, and its neighbour; both owners are signed in."""

    khata: Installation
    owner: httpx.Client
    neighbour: httpx.Client


@pytest.fixture
def street(durable: Installation, tmp_path: Path) -> Iterator[Street]:
    """No worker runs: the erasing is done by hand."""
    lines = [f"{CUSTOMER} {at % 50},98765{at % 50:05},2026-01-{at % 28 + 1:02},5,gave,{NOTE}" for at in range(ENTRIES)]
    path = tmp_path / "quaint.csv"
    path.write_text("\n".join(["name,phone,date,amount,direction,note", *lines]), "utf-8")
    durable.start_worker()
    durable.start_web()
    with durable.client() as client, durable.client() as other:
        durable.open_shop(client, OWNER, SHOP)
        durable.open_shop(other, NEIGHBOUR, "Neighbours Store")
        durable.kill("worker")
        for phone in (OWNER, NEIGHBOUR):
            durable.flask("import", str(path), "--shop-phone", phone)
        assert client.post("/shops/deletion", data={"name": SHOP}).headers["Location"] == "/"
        change(durable, "UPDATE shops SET erase_at = created_at WHERE erase_at IS NOT NULL")
        yield Street(durable, client, other)


def engine(khata: Installation) -> sa.Engine:
    return sa.create_engine(khata.environ["KHATA_DATABASE_URL"], poolclass=sa.NullPool)


def change(khata: Installation, statement: str) -> None:
    with engine(khata).begin() as connection:
        assert connection.execute(sa.text(statement)).rowcount == 1


def count(khata: Installation, table: str) -> int:
    with engine(khata).connect() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())


def erasing(khata: Installation, pause: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", ERASE.format(pause=pause)], cwd=ROOT, env=khata.environ)


def test_erasing_killed_again_and_again_comes_to_its_end(street: Street) -> None:
    khata, owner, neighbour = street
    assert count(khata, "entries") == 2 * ENTRIES
    for _kill in range(2):
        before = count(khata, "entries") + count(khata, "journal_lines")
        running = erasing(khata, pause=0.05)
        wait_for(lambda before=before: count(khata, "entries") + count(khata, "journal_lines") < before, "rows to go")
        running.kill()
        running.wait()
        assert count(khata, "shops") == 2, "half-erased, it is still found"
        assert owner.get("/").headers["Location"] == "/shops/new", "nobody gets in meanwhile"
    assert "1 shops: balances and journal agree" in khata.flask("verify").stdout
    assert erasing(khata, pause=0).wait() == 0
    assert count(khata, "shops") == 1
    assert count(khata, "entries") == ENTRIES
    assert traces(khata, SHOP) == []
    assert len(take_out(neighbour, "entries.csv")) == ENTRIES
    assert "1 shops: balances and journal agree" in khata.flask("verify").stdout


def traces(khata: Installation, word: str) -> list[str]:
    """Files of the database's folder that still have the word, where it is SQLite."""
    return [path.name for path in khata.folder.glob("khata.db*") if word.encode() in path.read_bytes()]
