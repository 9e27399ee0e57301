"""`python -m bench`: measure, print the table, exit 1 where a goal is not reached."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from bench.parts import PARTS, measure
from bench.report import Line, show


def main() -> int:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed against the goals.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, "all"], default="all", metavar="|".join([*PARTS, "all"]))
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller books: a look, not a proof")
    asked = parser.parse_args()
    lines: list[Line] = []
    for part in PARTS:
        if part in asked.parts or "all" in asked.parts:
            lines += _measured(part, asked.quick)
    print(show(lines))
    return 1 if any(line.reached is False for line in lines) else 0


def _measured(part: str, quick: bool) -> list[Line]:
    """The part's lines, from a process of its own: it opens its queue in its folder, and its memory is its own."""
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"measuring {part} … (load of the machine {load}, {os.cpu_count()} cores)", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="khata-bench-") as folder:
        os.environ["KHATA_DATA_DIR"] = folder  # before the application is imported there
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            return process.submit(measure, part, Path(folder), quick).result()


if __name__ == "__main__":
    sys.exit(main())
