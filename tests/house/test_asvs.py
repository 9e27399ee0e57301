"""docs/asvs.csv answers every requirement of OWASP's ASVS 5.0, levels 1 and 2: by a test, or by a reason."""

from __future__ import annotations

import ast
import csv
import functools
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = ("test", "not applicable", "deviation")


@functools.cache
def answers() -> list[dict[str, str]]:
    """The rows of docs/asvs.csv."""
    with (ROOT / "docs/asvs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@functools.cache
def names_in(file: str) -> frozenset[str]:
    """Names of the tests in a file; none where there is no such file."""
    path = ROOT / file
    if not path.is_file() or not path.name.startswith("test_") or ROOT / "tests" not in path.parents:
        return frozenset()
    functions = ast.parse(path.read_text("utf-8")).body
    return frozenset(node.name for node in functions if isinstance(node, ast.FunctionDef))


def test_every_requirement_is_answered_once() -> None:
    wanted = (ROOT / "tests/data/asvs-5.0-l1-l2-ids.txt").read_text("utf-8").split()
    assert len(wanted) == 253
    assert [row["id"] for row in answers()] == wanted


def test_every_answer_is_one_and_says_why() -> None:
    for row in answers():
        assert list(row) == ["id", "answer", "where", "reason"]
        assert row["answer"] in ANSWERS, row["id"]
        assert None not in row.values(), row["id"]
        assert bool(row["where"]) or row["answer"] != "test", f"{row['id']}: which test?"
        assert not row["where"] or row["answer"] in ("test", "deviation"), f"{row['id']}: a test that proves nothing"
        assert len(row["reason"]) > 10 or row["answer"] == "test", f"{row['id']}: why?"


def test_a_reason_that_points_elsewhere_finds_it() -> None:
    known = {row["id"] for row in answers()}
    for row in answers():
        assert set(re.findall(r"V\d+\.\d+\.\d+", row["reason"])) <= known - {row["id"]}, row["id"]


def test_every_test_that_is_named_exists() -> None:
    for row in answers():
        for name in row["where"].split():
            file, _colons, function = name.partition("::")
            assert function.startswith("test_"), f"{row['id']}: {name} names no test"
            assert function in names_in(file), f"{row['id']}: there is no {name}"
