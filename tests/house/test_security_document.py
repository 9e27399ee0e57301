"""docs/security.md says what the code does: each number and each list in it is compared with the code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from khata.accounts import codes, membership, passkeys, permissions, pins, recovery, sessions
from khata.core import forms, hashing, money, phone, photos
from khata.imports import readers
from khata.imports.queries import EXPORT_WAITS
from khata.ledger import posting
from khata.payments import collecting
from khata.privacy import actions as privacy
from khata.privacy import retention
from khata.reminders import splitting
from khata.web import auth, cookies, logs, turns

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs/security.md").read_text("utf-8")
WORDS = re.sub(r"\s+", " ", DOCUMENT)
KB, MB = 1024, 1024 * 1024


def for_how_long(time: timedelta) -> str:
    """As the document says it: 10 minutes, 1 hour, 7 days."""
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if time >= unit and not time % unit:
            return f"{time // unit} {name}" + ("s" if time // unit > 1 else "")
    raise AssertionError(time)


def of(limits: Iterable[tuple[str, timedelta, int]], field: str) -> str:
    """What is said of the limits on `field`."""
    return ", ".join(f"{most} in {for_how_long(within)}" for name, within, most in limits if name == field)


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table after a heading."""
    lines = DOCUMENT.split(f"\n## {heading}\n")[1].split("\n## ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def amount(minor: int) -> str:
    return f"{minor // 100:,}.{minor % 100:02}"


waits = [int(wait.total_seconds()) for wait in pins.WAITS]
locks = sorted({*pins.LOCK_CHOICES, *passkeys.LOCK_CHOICES})
FACTS = (
    f"at most {phone.MAX_LENGTH} characters typed",
    f"a number or sum of at most {money.MAX_LENGTH} characters",
    f"more than 0 and at most {amount(money.MAX_AMOUNT_MINOR)} |",
    f"a balance stays within {amount(posting.MAX_BALANCE_MINOR)}.",
    f"a real date, {forms.EARLIEST_YEAR}-01-01 to tomorrow",
    f"| webhook | {auth.ORDINARY_BODY // KB} KB, ",
    f"| {collecting.MOST_OPEN} of a party, each for {for_how_long(collecting.HOLDS)} |",
    f"| requests that wait for a gateway | {turns.MOST_ASKING} at one time",
    f"| instalments | {splitting.FEWEST} to {splitting.MOST} parts; a rate",
    f"| form | {auth.ORDINARY_BODY // KB} KB, ",
    f"| {', '.join(photos.FORMATS[:-1])} or {photos.FORMATS[-1]} by its bytes, {photos.MAX_UPLOAD_BYTES // MB} MB, "
    f"{photos.MAX_PIXELS:,} pixels; made anew as JPEG of at most {photos.LONGEST_SIDE:,} pixels a side |",
    f"| CSV or vCard, {readers.MAX_BYTES // MB} MB, {readers.MAX_ROWS:,} rows, {readers.MAX_COLUMNS} columns, "
    f"{readers.MAX_LINE:,} characters a line |",
    f"| {turns.MOST_BODIES} at one time, {turns.MOST_BODIES_OF_AN_ADDRESS} from one address;",
    f"| {turns.AT_WORK} at one time in a process of 64 threads; of those that take long {turns.AT_LENGTH}, ",
    f"in the request, {turns.AT_LENGTH} at one time, of a file",
    f"| export | {turns.AT_LENGTH} at one time, read in pieces",
    f"| codes for a number | {of(codes.CODE_LIMITS, 'phone')} |",
    f"(IPv6: a /64) | {of(codes.CODE_LIMITS, 'address')} |",
    f"six in all) | {of(codes.CODE_LIMITS, 'prefix')} |",
    f"it has signed in on | {of(codes.OWN_LIMITS, 'phone')}, of its own |",
    f"| tries of a code | {codes.CODE_TRIES}, within {for_how_long(codes.CODE_HOLDS)},",
    f"| {pins.TRIES}, with waits of {waits[0]}, {waits[1]} and {waits[2]} seconds;",
    f"| recovery codes, wrong | {recovery.LIMITS[0][2]} an hour from an address, {recovery.LIMITS[1][2]} an hour for",
    f"| once, within {for_how_long(membership.INVITATION_HOLDS)} |",
    f"| passkeys of a person | {passkeys.MOST} |",
    f"proves who it is for {for_how_long(sessions.PROOF_HOLDS)}",
    f"a fresh proof within {for_how_long(sessions.PROOF_HOLDS)} ",
    f"| {recovery.LENGTH * 5} random bits on paper",
    f"after {for_how_long(sessions.RESTS)} unused; on a phone that locks after {locks[0]} to {locks[-1]} seconds",
    f"while they hold; codes {for_how_long(codes.CODES_KEPT)} |",
    f"until shop or account is deleted, then {for_how_long(privacy.CHANGE_OF_MIND)}; "
    f"lists {for_how_long(retention.IMPORTS_KEPT)}; "
    f"photos put to no entry {for_how_long(retention.SHARED_KEPT)}, the last {photos.MOST_SHARED} of a member |",
    f"once it is sent | {for_how_long(retention.MESSAGES_KEPT)} |",
    f"challenges of {for_how_long(passkeys.HOLDS)}",
    f"so that neither memory nor the database waits for the phone; good for {for_how_long(EXPORT_WAITS)} |",
    f"a silent phone is given up after {(60 + 20 * 3) // 60} minutes",
)


@pytest.mark.parametrize("fact", FACTS)
def test_every_number_is_the_codes(fact: str) -> None:
    assert re.sub(r"\s+", " ", fact) in WORDS


def test_numbers_that_stand_elsewhere(app: Flask) -> None:
    assert app.config["MAX_FORM_MEMORY_SIZE"] == 1024 * KB
    assert "1,024 KB of fields" in WORDS
    assert f"{app.config['MAX_FORM_PARTS']} parts" in WORDS
    assert "--blocking-threads 64 " in (ROOT / "Procfile").read_text("utf-8")
    assert sum(turns.KEEP_ALIVE.values()) == 60 + 20 + 3
    assert phone.prefix_of("+919876543210") == "+919876"  # six digits
    assert max(wait for _field, _within, wait in codes.CODE_LIMITS) == 10
    source = Path(hashing.__file__).read_text("utf-8")
    hasher: Any = re.search(r"time_cost=(\d), memory_cost=(\d+) \* 1024, parallelism=(\d)", source)
    assert f"argon2id, {hasher[2]} MiB, {hasher[1]} passes, {hasher[3]} lane" in WORDS


def test_the_roles_are_the_table() -> None:
    said = {cells[0]: cells[1:] for cells in rows("Roles")}
    assert said == {
        name: ["yes" if name in permissions.ROLES[role] else "" for role in permissions.ROLES]
        for name in permissions.PERMISSIONS
    }
    assert f"| permission | {' | '.join(permissions.ROLES)} |" in DOCUMENT


def test_the_cookies_are_all() -> None:
    names = {value for value in vars(cookies).values() if isinstance(value, str) and value.startswith("khata_")}
    assert set(re.findall(r"`(khata_\w+)`", DOCUMENT)) == names


def test_the_ways_in_are_all() -> None:
    ways = {sessions.CODE, sessions.PASSKEY, sessions.RECOVERY, sessions.PIN}
    assert {cells[0] for cells in rows("Ways in")} == ways


def test_the_events_are_all() -> None:
    said = {cells[0].strip("`"): cells[1] for cells in rows("Logs")}
    assert said == logs.SECURITY_EVENTS


def test_whom_khata_talks_to() -> None:
    settings = re.findall(r'"(KHATA_\w+_URLS?)"', (ROOT / "khata/settings.py").read_text("utf-8"))
    said = {cells[1].strip("`") for cells in rows("Whom Khata talks to")}
    assert said == set(settings) - {"KHATA_PUBLIC_URL"}


def test_no_other_hash_is_used() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "khata").rglob("*.py"))
    used = set(re.findall(r"hashlib\.(\w+)|hmac\.new\([^)]*\"(\w+)\"", code))
    assert {name for pair in used for name in pair if name} <= {"sha256", "blake2b"}


def test_every_chapter_is_there() -> None:
    """What the standard wants written down."""
    chapters = re.findall(r"(?m)^## (.+)$", DOCUMENT)
    assert chapters == ["What may be typed", "Limits", "What takes long", "Ways in", "Sessions", "Roles",
                        "What is kept, by how much it matters", "Keys and algorithms", "Whom Khata talks to", "Logs",
                        "Packages", "Files that somebody sends"]  # fmt: skip
    for heading in chapters:
        assert len(DOCUMENT.split(f"\n## {heading}\n")[1].split("\n## ")[0]) > 200, heading
    for heading in ("What is kept, by how much it matters", "Keys and algorithms", "What takes long"):
        assert len(rows(heading)) >= 6
        assert len({len(cells) for cells in rows(heading)}) == 1


def test_logs_go_where_the_document_says() -> None:
    """On standard error, in no file and to no other machine."""
    code = "".join(path.read_text("utf-8") for room in ("khata", "tasks") for path in (ROOT / room).rglob("*.py"))
    assert not re.search(r"FileHandler|SysLogHandler|SocketHandler|HTTPHandler|WriteLogger", code)
    assert set(re.findall(r"PrintLoggerFactory\((.*?)\)", code)) == {"sys.stderr"}
    assert set(re.findall(r"ext://(\S+?)\"", (ROOT / "logging.json").read_text("utf-8"))) == {"sys.stderr"}
    assert "on standard error, of the web server and the worker; Khata itself keeps no file" in WORDS
