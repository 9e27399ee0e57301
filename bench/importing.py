"""`flask --app app import` on 69,190 purchases: rows a second of the whole command, and its peak memory."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.books import environ_of, make_book, new_app
from bench.report import Line
from bench.servers import ROOT

ROWS_A_SECOND, MEGABYTES = 2_000, 200
PHONE = "+12125550123"
SAMPLE = ROOT.parent / "shared" / "data" / "cdnow_sample.txt"  # real purchases, where they are at hand
COPIES, CUSTOMERS, PURCHASES = 10, 2_357, 6_919


class Run(NamedTuple):
    """One import."""

    seconds: float
    megabytes: float


def measure(folder: Path, quick: bool) -> list[Line]:
    """Two lines: speed and memory, medians of some runs, each into a new shop."""
    file = folder / "purchases.txt"
    rows = list(_purchases())
    file.write_bytes(b"".join(rows))
    runs = [_import(folder / str(number), file) for number in range(1 if quick else 3)]
    speed = len(rows) / median(run.seconds for run in runs)
    memory = median(run.megabytes for run in runs)
    kind = "real" if SAMPLE.exists() else "made up"
    detail = f"{len(rows):,} rows ({kind}) in {median(run.seconds for run in runs):.1f} s, start included"
    return [
        Line("Import, rows a second", f"≥ {ROWS_A_SECOND:,}/s", f"{speed:,.0f}/s: {detail}", speed >= ROWS_A_SECOND),
        Line("Import, peak memory", f"< {MEGABYTES} MB", f"{memory:.0f} MB", memory < MEGABYTES),
    ]


def _purchases() -> Iterator[bytes]:
    """The sample ten times over, each time by other customers; lines of the same shape where it is not there."""
    lines = SAMPLE.read_text("ascii").split("\n") if SAMPLE.exists() else list(_made_up())
    for copy in range(COPIES):
        for line in lines:
            if cells := line.split():
                customer, *rest = cells
                yield f" {copy}{customer} {' '.join(rest)}\r\n".encode()


def _made_up() -> Iterator[str]:
    chance = random.Random(7)
    for at in range(PURCHASES):
        customer = at if at < CUSTOMERS else int(CUSTOMERS * chance.random() ** 2)
        day = f"{chance.choice((1997, 1998))}{chance.randint(1, 6):02}{chance.randint(1, 28):02}"
        yield f"{customer:05} {customer:04} {day} {chance.randint(1, 6)} {chance.uniform(5, 90):.2f}"


def _import(folder: Path, file: Path) -> Run:
    """Bring `file` into a new shop, with a process of its own."""
    folder.mkdir()
    environ = environ_of(folder)
    make_book(new_app(environ), [], phone=PHONE, currency="USD")
    command = [sys.executable, "-m", "flask", "--app", "app", "import", str(file), "--shop-phone", PHONE]
    started = time.perf_counter()
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [*command, "--format", "cdnow"], cwd=ROOT, env={**os.environ, **environ}, stdout=said, stderr=said
        )
        _pid, status, usage = os.wait4(process.pid, 0)  # its peak is never below ours when it was started
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((folder / "said").read_text("utf-8")[-2000:])
    return Run(seconds, usage.ru_maxrss / 1024)
