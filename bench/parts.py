"""The parts of the bench by the names they are asked for by."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from bench.report import Line

PARTS = {
    "sizes": "sizes",
    "pages": "pages",
    "access": "access",
    "record": "record",
    "growth": "growth",
    "import": "importing",
    "offline": "offline",
    "photos": "photos",
    "qr": "qr",
    "webhook": "webhook",
    "messages": "messages",
    "day": "day",
    "slow": "slow",
    "peer": "peer",
}


def measure(part: str, folder: Path, quick: bool) -> list[Line]:
    """The lines of one part, with its files in `folder`. Imported only here: then settings are read."""
    lines: list[Line] = import_module(f"bench.{PARTS[part]}").measure(folder, quick)
    return lines
