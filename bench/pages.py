"""Home with 20 parties and a party's page with 50 entries, in requests a second of a bare Flask view's.

Three ways: as served (nothing was written since, so the page is kept), made anew (nothing is kept: what the first
request after a write costs), and asked again by a browser that has the page (304).
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.books import Book, environ_of, make_book, new_app
from bench.load import Load, load
from bench.report import Line, Measure, alternate, median_of, median_ratio
from bench.servers import serve
from bench.wire import Connection, request

GOAL = 0.25
PARTIES, ENTRIES = 20, 60  # 60, so that a page of 50 is full
SECONDS = 0.25
WAYS = {"as served": GOAL, "made anew": None, "304": None}


def measure(folder: Path, quick: bool) -> list[Line]:
    """A line for each page and way; the goal is for the page as served."""
    environ = environ_of(folder)
    book = make_book(new_app(environ), [ENTRIES] * PARTIES)
    pages = {"Home, 20 parties": "/", "Party, 50 entries": f"/parties/{book.party_ids[0]}"}
    with ExitStack() as running:
        bare = running.enter_context(serve("bench.bare:app"))
        kept = running.enter_context(serve("app:app", environ))
        unkept = running.enter_context(serve("bench.unkept:app", environ))
        source = running.enter_context(load())
        measures = {"bare": _rate(source, bare, request("GET", "/"))}
        for name, path in pages.items():
            measures |= _ways(source, name, path, book, kept, unkept)
        found = alternate(measures, 4 if quick else 24)
    lines = [_line(found, f"{name}, {way}", goal) for name in pages for way, goal in WAYS.items()]
    return [*lines, Line("Bare Flask view", "", f"{median_of(found, 'bare'):,.0f}/s")]


def _ways(source: Load, name: str, path: str, book: Book, kept: int, unkept: int) -> dict[str, Measure]:
    page = request("GET", path, book.headers)
    again = request("GET", path, {**book.headers, "If-None-Match": _tag(kept, page)})
    return {
        f"{name}, as served": _rate(source, kept, page),
        f"{name}, made anew": _rate(source, unkept, page),
        f"{name}, 304": _rate(source, kept, again, 304),
    }


def _rate(source: Load, port: int, sent: bytes, status: int = 200) -> Measure:
    return partial(source.requests_per_second, port, sent, status, SECONDS)


def _tag(port: int, page: bytes) -> str:
    connection = Connection(port)
    answer = connection.ask(page)
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"status {answer.status}: {answer.header('Location')}")
    return answer.header("ETag")


def _line(found: list[dict[str, float]], name: str, goal: float | None) -> Line:
    share = median_ratio(found, name, "bare")
    result = f"{share:.0%} of bare Flask ({median_of(found, name):,.0f}/s)"
    return Line(name, f"≥ {goal:.0%}" if goal else "", result, share >= goal if goal else None)
