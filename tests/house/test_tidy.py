"""House rules that no tool knows."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*(ROOT / "khata").rglob("*.py"), *(ROOT / "tasks").rglob("*.py"), ROOT / "app.py"])
CODE = [path for path in FILES if "migrations" not in path.parts]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 45

# (what, pattern, the files that may)
BANNED = (
    ("the time is clock's", r"\.(utc)?now\(|\.today\(|time\.time\(\)|utcfromtimestamp", {"khata/core/clock.py"}),
    ("money is never a float", r"\bfloat\(|\bround\(", set()),
    ("only transactions and tasks commit", r"\.commit\(", {"khata/core/db.py", "khata/web/transactions.py"}),
    ("nothing but commands prints", r"\bprint\(", {"khata/cli.py"}),
    ("text is never called safe", r"\|\s*safe\b|Markup\(f|autoescape=False", set()),
    ("no code made of text", r"\b(eval|exec)\(|shell=True|pickle", set()),
)
CLOCK_CALLS = re.compile(r"clock\.(now|today)\(")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("rule", BANNED, ids=lambda rule: rule[0])
def test_banned_calls(rule: tuple[str, str, set[str]]) -> None:
    _what, pattern, allowed = rule
    for path in CODE:
        text = CLOCK_CALLS.sub("", path.read_text("utf-8"))
        if name(path) not in allowed and not (pattern == r"\.commit\(" and path.parts[-2] == "tasks"):
            found = [line for line in text.splitlines() if re.search(pattern, line.split("  #")[0])]
            assert not found, f"{name(path)}: {found[0].strip()}"


def test_templates_are_plain() -> None:
    banned = r"\|\s*safe\b|autoescape false|<script(?![^>]* src=)|\son\w+=|\sstyle=|hx-on|javascript:"
    for path in TEMPLATES:
        found = re.search(banned, path.read_text("utf-8"))
        assert not found, f"{name(path)}: {found[0] if found else ''}"


def test_every_template_is_used() -> None:
    text = "".join(path.read_text("utf-8") for path in (*CODE, *TEMPLATES))
    unused = [name(path) for path in TEMPLATES if path.relative_to(ROOT / "templates").as_posix() not in text]
    assert unused in ([], ["templates/styleguide/page.html"])


def test_files_are_chapters_not_books() -> None:
    long = {name(path): lines for path in CODE if (lines := len(path.read_text("utf-8").splitlines())) > MOST_LINES}
    assert not long


@functools.cache
def functions() -> list[tuple[str, ast.FunctionDef, bool]]:
    """(place, function, is public) of every function and method."""
    return list(_walk())


def _walk() -> Iterator[tuple[str, ast.FunctionDef, bool]]:
    for path in CODE:
        tree = ast.parse(path.read_text("utf-8"))
        for parent in ast.walk(tree):
            for node in ast.iter_child_nodes(parent):
                if isinstance(node, ast.FunctionDef):
                    is_top = isinstance(parent, ast.Module | ast.ClassDef)
                    hidden = isinstance(parent, ast.ClassDef) and parent.name.startswith("_")
                    yield f"{name(path)}:{node.lineno} {node.name}", node, is_top and not hidden and node.name[0] != "_"


def test_functions_are_short() -> None:
    lengths = {place: (node.end_lineno or 0) - node.lineno + 1 for place, node, _public in functions()}
    assert not {place: lines for place, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION}
    assert sorted(lengths.values())[len(lengths) // 2] < 12


def test_public_functions_say_what_they_give() -> None:
    silent = [place for place, node, public in functions() if public and not ast.get_docstring(node)]
    assert not silent


def test_reads_and_writes_name_their_shop_first() -> None:
    """Every query of a shop's room starts from the shop, every write from the actor: no row is loaded by id alone."""
    for room in ("parties", "ledger", "imports", "sync"):
        for path in (ROOT / "khata" / room).glob("queries.py"):
            public = [node for place, node, is_public in functions() if is_public and place.startswith(name(path))]
            first = {node.name: node.args.args[0].arg for node in public if node.args.args}
            assert set(first.values()) <= {"shop_id", "entry", "self", "now"}, first
        for path in (ROOT / "khata" / room).glob("actions.py"):
            for place, node, is_public in functions():
                if is_public and place.startswith(name(path)) and node.args.args:
                    assert node.args.args[0].arg in ("actor", "shop_id", "self", "entry"), place


def test_words_of_the_house() -> None:
    bad = re.compile(r"\b(class|def) \w*(manager|helper|util|handler)\w*|_(helper|util)s?\.py", re.IGNORECASE)
    for path in CODE:
        found = bad.search(path.read_text("utf-8"))
        assert not found, f"{name(path)}: {found[0] if found else ''}"
