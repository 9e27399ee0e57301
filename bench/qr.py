"""What a QR code costs: made from its text, without the cache, as the path of a page and as a PNG.

It waits for nothing, so it is measured in time of the processor: what else the machine does falls on none of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.report import Line
from khata.core.payment_qr import emv_upi, epc, pix, upi_uri
from khata.core.poster import poster
from khata.core.qr import qr_code, qr_png

GOAL_MS = 5.0
CODES = {
    "UPI": upi_uri("asha.store@okhdfcbank", "Asha Store", 123450, "Bill 42"),
    "Bharat QR": emv_upi("asha.store@okhdfcbank", "Asha Store", "Pune", 123450, "bill-42"),
    "Pix": pix("12345678000195", "Loja da Asha", "Sao Paulo", 6666, "abc1"),
    "SEPA": epc("DE89370400440532013000", "Asha Store", 12345, "Invoice 42 of November"),
    "a link": "https://khata.example/pay/Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4",
}


def measure(folder: Path, quick: bool) -> list[Line]:
    """A line for each kind of code and way."""
    del folder
    rounds = 15 if quick else 60
    lines = []
    for name, text in CODES.items():
        lines.append(_line(f"QR code, {name}, as SVG path", text, qr_code.__wrapped__, rounds))
        lines.append(_line(f"QR code, {name}, as PNG", text, qr_png, rounds))
    taken = _median_ms(lambda: poster(CODES["UPI"], "आशा Store", "asha.store@okhdfcbank", "₹1,234.50"), 5)
    return [*lines, Line("Poster, A4 at 150 dots an inch", "", f"{taken:.0f} ms")]


def _line(name: str, text: str, make: Callable[[str], object], rounds: int) -> Line:
    taken = _median_ms(lambda: make(text), rounds)
    return Line(name, f"≤ {GOAL_MS:g} ms", f"{taken:.1f} ms for {len(text)} characters", taken <= GOAL_MS)


def _median_ms(act: Callable[[], object], rounds: int) -> float:
    act()  # what a size of code has in common is kept
    found = []
    for _round in range(rounds):
        began = time.thread_time()
        act()
        found.append((time.thread_time() - began) * 1000)
    return median(found)
