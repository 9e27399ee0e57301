"""Over 2G, GPRS and EDGE: time to the first paint, and IP bytes, between a real Chromium and Granian.

TLS 1.3 and HTTP/2 straight from Granian, with a self-signed certificate (a real chain is 2 to 3 KB longer). Times and
bytes are medians of repeats.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median, quantiles

from bench.inside import first_paint_ms, quiet
from bench.report import Line
from bench.setting import Setting, setting
from bench.slow_net import why_not

FIRST_PAINT_SECONDS = {"2g": 1.9, "gprs": 4.3, "edge": 3.9}
LOSS_TIMES = 1.4
REQUESTS = """(paint) => 1 + performance.getEntriesByType("resource").filter((one) => one.responseEnd < paint).length"""


def measure(folder: Path, quick: bool) -> list[Line]:
    """The lines; a single one that says why, where this machine can't make a slow network."""
    missing = why_not()
    if missing:
        return [Line("Slow network", "", f"not measured: {missing}")]
    with setting(folder, quick) as here:
        return [*_round_trips(here), *_first_paints(here), *_loss(here)]


def _opened(here: Setting, url: str, signed_in: bool = False) -> float:
    """Milliseconds to the first paint of a page that is opened cold."""
    with here.phone(signed_in) as page:
        quiet(page, here.net, 400)  # the phone before hangs up
        page.goto(url, wait_until="commit")
        return first_paint_ms(page)


def _round_trips(here: Setting) -> list[Line]:
    with here.phone() as page:
        quiet(page, here.net, 400)
        here.net.set_line("far")
        page.goto("/sign-in", wait_until="commit")
        paint = first_paint_ms(page)
        passed, requests = here.net.count(), page.evaluate(REQUESTS, paint)
    said = f"{passed.bytes:,} B on the line ({passed.up:,} up), {paint // 1000:.0f} round trips, handshakes included"
    return [
        Line("Sign-in page, cold, requests to the first paint", "1", f"{requests}", requests == 1),
        Line("Sign-in page, cold, to the first paint", "", said),
    ]


def _first_paints(here: Setting) -> list[Line]:
    lines = []
    for profile, goal in FIRST_PAINT_SECONDS.items():
        here.net.set_line(profile)
        seconds = median(_opened(here, "/sign-in") for _time in here.repeats(5, 1)) / 1000
        lines.append(
            Line(f"First paint on {profile}, sign-in, cold", f"≤ {goal} s", f"{seconds:.2f} s", seconds <= goal)
        )
        seconds = median(_opened(here, "/", signed_in=True) for _time in here.repeats(2, 1)) / 1000
        lines.append(Line(f"First paint on {profile}, home, cold", "", f"{seconds:.2f} s"))
    return lines


def _loss(here: Setting) -> list[Line]:
    """Every fourth load may be slow; the others should hardly notice that one packet in thirty is lost."""
    slowest: dict[str, float] = {}
    for profile in ("2g", "2g-lossy"):
        here.net.set_line(profile)
        found = [_opened(here, "/sign-in") for _time in here.repeats(16, 3)]
        slowest[profile] = quantiles(found, n=4)[2] / 1000
    times = slowest["2g-lossy"] / slowest["2g"]
    said = f"{times:.2f}× ({slowest['2g-lossy']:.2f} s against {slowest['2g']:.2f} s)"
    return [Line("First paint on 2g, 3 % of packets lost, p75", f"≤ {LOSS_TIMES}×", said, times <= LOSS_TIMES)]
