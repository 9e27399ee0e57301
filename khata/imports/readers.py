"""A file as a stream of numbered rows: encodings, the dialects of CSV, cards of contacts. Memory stays flat."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from flask_babel import lazy_gettext as _

from khata.errors import Invalid
from khata.imports.models import CSV, VCARD

MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 200
MAX_LINE = 64 * 1024  # characters of one line
SAMPLE = 64 * 1024  # what the dialect is told from
BLOCK = 1024 * 1024
DELIMITERS = ",;\t|"


class Unreadable(Invalid):
    """The file as a whole can't be read; `code` says why."""

    code = "unreadable"


class Row(NamedTuple):
    """A line of the file: its number, counted from 1, and its cells."""

    line: int
    cells: list[str]


class Refused(NamedTuple):
    """A line that is not taken, and why."""

    line: int
    reason: Any
    text: str = ""


class Card(NamedTuple):
    """One contact as it stands in the file."""

    line: int
    text: str


class Dialect(NamedTuple):
    """How a CSV file is written, and its first two rows."""

    delimiter: str
    skips: int  # lines before the table: Excel's "sep=;"
    first: list[str]
    second: list[str]


TOO_LARGE = _("This file is too large. At most 16 MB.")
TOO_MANY_ROWS = _("This file has too many lines. At most 200,000: split it into parts.")
TOO_WIDE = _("A line of this file has too many columns. At most 200.")
LINE_TOO_LONG = _("This line is too long. At most 65,536 characters.")
NOT_TEXT = _("This is not a text file. Save the list as CSV (UTF-8) and choose that file.")
EXCEL = _("This is an Excel file. Open it, save it as CSV (UTF-8), and choose that file.")
BAD_ENCODING = _("The letters of this file can't be read. Save it as CSV (UTF-8) and choose that file.")
EMPTY = _("This file is empty.")
OPEN_QUOTE = _("A quotation mark in this line is opened and not closed.")

BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def encoding_of(path: Path) -> str:
    """The encoding in which the whole file can be read; raises Unreadable."""
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise Unreadable(EMPTY, "empty")
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Unreadable(EXCEL, "excel")
    marked = next((name for mark, name in BOMS if start.startswith(mark)), None)
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:
        if _reads(path, encoding):
            return encoding
    raise Unreadable(BAD_ENCODING, "bad_encoding")


def _reads(path: Path, encoding: str) -> bool:
    """True where every byte is text in `encoding`; raises Unreadable for what is no text, or has too many lines."""
    decoder, lines = codecs.getincrementaldecoder(encoding)(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            try:
                text = decoder.decode(block)
            except UnicodeDecodeError:
                return False
            if "\0" in text:
                raise Unreadable(NOT_TEXT, "not_text")
            lines += text.count("\n")
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    if lines > MAX_ROWS * 40:  # a card has many lines, a row of a table one
        raise Unreadable(TOO_MANY_ROWS, "too_many_rows")
    return True


def open_text(path: Path, encoding: str) -> TextIO:
    """The file as text, line ends as they are."""
    return path.open(encoding=encoding, newline="")


def looks_like(path: Path, encoding: str, chosen: str) -> str:
    """The format of the file: a vCard that was called a table is seen by its first line."""
    with open_text(path, encoding) as file:
        start = file.read(200).lstrip("\ufeff \r\n\t").upper()
    return VCARD if chosen == CSV and start.startswith("BEGIN:VCARD") else chosen


def lines_of(file: TextIO) -> Iterator[str | None]:
    """The lines with their ends; None in place of one that is too long."""
    while line := file.readline(MAX_LINE + 2):
        if len(line) <= MAX_LINE + 1 and (line.endswith(("\n", "\r")) or len(line) <= MAX_LINE):
            yield line
        else:
            while line and not line.endswith(("\n", "\r")):
                line = file.readline(MAX_LINE)
            yield None


# --- Tables ---


def dialect_of(path: Path, encoding: str) -> Dialect:
    """Delimiter and first row of a CSV file; raises Unreadable."""
    with open_text(path, encoding) as file:
        sample = file.read(SAMPLE)
    first_line = sample.partition("\n")[0]
    if len(first_line) > MAX_LINE - 2 and len(sample) == SAMPLE:
        raise Unreadable(TOO_WIDE if _widest(first_line) > MAX_COLUMNS else LINE_TOO_LONG, "line_too_long")
    told = re.match(r"sep=([,;|\t])\r?\n", sample, re.IGNORECASE)
    delimiter = told[1] if told else max(DELIMITERS, key=lambda each: _regularity(sample, each))
    rows = _parsed(sample[told.end() :] if told else sample, delimiter)
    first, second = next(rows, []), next(rows, [])
    if len(first) > MAX_COLUMNS:
        raise Unreadable(TOO_WIDE, "too_wide")
    if not any(cell.strip() for cell in first):
        raise Unreadable(EMPTY, "empty")
    return Dialect(delimiter, 1 if told else 0, first, second)


def _widest(line: str) -> int:
    return max(line.count(delimiter) for delimiter in DELIMITERS)


def _regularity(sample: str, delimiter: str) -> tuple[int, int]:
    """How many of the first rows are as wide as the first, and how wide: a delimiter that does not part is none."""
    widths = [len(row) for _at, row in zip(range(20), _parsed(sample, delimiter), strict=False)]
    if not widths or widths[0] < 2:
        return (0, 0)
    return (sum(width == widths[0] for width in widths), widths[0])


def _parsed(sample: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        yield from (row for row in reader if row)
    except csv.Error:
        return


def rows_of(file: TextIO, dialect: Dialect) -> Iterator[Row | Refused]:
    """Every row of a CSV file, its first included, blank ones left out; raises Unreadable past MAX_ROWS."""
    feed = _Feed(lines_of(file))
    for _skipped in range(dialect.skips):
        next(feed, None)
    reader, count = csv.reader(feed, delimiter=dialect.delimiter), 0
    while True:
        line = feed.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Refused(line, OPEN_QUOTE)
            continue
        except _TooLong:
            yield Refused(feed.number, LINE_TOO_LONG)
            reader = csv.reader(feed, delimiter=dialect.delimiter)
            continue
        if len(cells) > MAX_COLUMNS:
            yield Refused(line, TOO_WIDE, " ".join(cells[:5]))
        elif any(cells):
            yield Row(line, cells)
        count += 1
        if count > MAX_ROWS + 1:
            raise Unreadable(TOO_MANY_ROWS, "too_many_rows")


class _TooLong(Exception):
    """The line that csv.reader asked for is too long to be given."""


class _Feed:
    """Lines for csv.reader, counted."""

    def __init__(self, lines: Iterator[str | None]) -> None:
        self.lines, self.number = lines, 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.number += 1
        if line is None:
            raise _TooLong
        return line


# --- Cards ---

# What may be large and is not wanted.
_HEAVY = re.compile(r"(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY)[;:]", re.IGNORECASE)


def cards_of(file: TextIO) -> Iterator[Card | Refused]:
    """Every contact of a vCard file, as text without its pictures; raises Unreadable past MAX_ROWS."""
    for count, (start, lines) in enumerate(_blocks(lines_of(file)), 1):
        if count > MAX_ROWS:
            raise Unreadable(TOO_MANY_ROWS, "too_many_rows")
        text = "".join(lines)
        yield Card(start, text) if len(text) <= MAX_LINE else Refused(start, LINE_TOO_LONG)


def _blocks(lines: Iterable[str | None]) -> Iterator[tuple[int, list[str]]]:
    start, in_heavy = 0, False
    kept: list[str] = []
    for number, line in enumerate(lines, 1):
        if line is None:
            in_heavy = True
            continue
        mark = line.strip("\ufeff \t\r\n").upper()
        if mark == "BEGIN:VCARD":
            start, kept, in_heavy = number, [], False
        if not start:
            continue
        in_heavy = bool(_HEAVY.match(line)) or (in_heavy and line[:1] in " \t\r\n")
        if not in_heavy and mark:
            kept.append(line.lstrip("\ufeff"))
        if mark == "END:VCARD":
            yield start, kept
            start, kept = 0, []
    if start:
        yield start, kept


# --- The CDNOW sample ---


def fields_of(file: TextIO) -> Iterator[Row | Refused]:
    """Lines of columns parted by blanks; empty ones left out. Raises Unreadable past MAX_ROWS."""
    for number, line in enumerate(lines_of(file), 1):
        if number > MAX_ROWS:
            raise Unreadable(TOO_MANY_ROWS, "too_many_rows")
        if line is None:
            yield Refused(number, LINE_TOO_LONG)
        elif cells := line.split():
            yield Row(number, cells)
