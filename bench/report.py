"""The table, and the medians that stand in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

Measure = Callable[[], float]


class Line(NamedTuple):
    """A line of the table. `reached` is None where there is no goal: a figure to look at."""

    name: str
    goal: str
    result: str
    reached: bool | None = None

    @property
    def verdict(self) -> str:
        """What the last column says."""
        return "" if self.reached is None else "ok" if self.reached else "NOT reached"


HEADINGS = Line("what", "goal", "result")


def at_least(name: str, share: float, goal: float, detail: str = "") -> Line:
    """A share (1 = 100 %) that should be `goal` or more."""
    return Line(name, f"≥ {goal:.0%}", f"{share:.0%}{detail}", share >= goal)


def at_most_times(name: str, times: float, goal: float, detail: str = "") -> Line:
    """A ratio that should be `goal` or less."""
    return Line(name, f"≤ {goal:g}×", f"{times:.2f}×{detail}", times <= goal)


def at_most_bytes(name: str, size: int, goal: int) -> Line:
    """A size that should be `goal` bytes or less."""
    return Line(name, f"≤ {goal:,} B", f"{size:,} B", size <= goal)


def alternate(measures: dict[str, Measure], rounds: int) -> list[dict[str, float]]:
    """Every measure in turn, `rounds` times over: what else the machine does falls on all of them alike."""
    for measure in measures.values():
        measure()  # warm
    found = []
    for number in range(rounds):
        names = list(measures) if number % 2 == 0 else list(reversed(measures))
        taken = {name: measures[name]() for name in names}
        found.append(taken)
    return found


def median_of(found: list[dict[str, float]], name: str) -> float:
    """The median of one measure."""
    return median(each[name] for each in found)


def median_ratio(found: list[dict[str, float]], name: str, base: str) -> float:
    """The median of the ratios of two measures, each ratio from one round."""
    return median(each[name] / each[base] for each in found)


def show(lines: Sequence[Line]) -> str:
    """The lines as a table of text."""
    rows = [(*line[:3], line.verdict) for line in [HEADINGS, *lines]]
    widths = [max(_width(row[at]) for row in rows) for at in range(4)]
    return "\n".join(
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _width(text: str) -> int:
    return sum(not unicodedata.combining(char) for char in text)
