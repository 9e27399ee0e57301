"""One task on 2G, in Khata and in a peer that anyone can install: open, add an entry, see the balance.

The peer is ihatemoney, which keeps who owes whom in a group: from PyPI, in an environment of its own, on the same line.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Error, Page, expect

from bench.inside import Certificate, new_phone, quiet, serve_inside
from bench.report import Line
from bench.setting import setting
from bench.slow_net import SlowNet, why_not

PACKAGES = ("ihatemoney==7.2.1", "granian")
INSTALL_SECONDS = 180
TASK = "open, add an entry, see the balance"


def measure(folder: Path, quick: bool) -> list[Line]:
    """The task's lines, first time and again, for both."""
    missing = why_not()
    if missing:
        return [Line("The task on 2G", "", f"not measured: {missing}")]
    with setting(folder, quick) as here:
        net, browser = here.net, here.browser
        own = task_lines("Khata", net, browser, here.origin, here.cookie, _act_in_khata, here.repeats(3, 1))
        return [*own, *lines(net, browser, folder, here.certificate, quick)]


def _act_in_khata(page: Page) -> None:
    page.goto("/")
    page.locator("#parties a").nth(2).click()
    before = page.locator("#balance").inner_text()
    page.locator("#f-amount").fill("250")
    page.locator("#entry-form button[value=gave]").click()
    expect(page.locator("#balance")).not_to_have_text(before)


def lines(net: SlowNet, browser: Browser, folder: Path, certificate: Certificate, quick: bool) -> list[Line]:
    """The peer's lines; one that says why where it could not be installed."""
    if quick:
        return [Line("The same in ihatemoney", "", "left out with --quick")]
    python = folder / "peer" / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", folder / "peer"], check=True, capture_output=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError):
        return [Line("The same in ihatemoney", "", "not measured: it could not be installed from PyPI")]
    settings = folder / "peer" / "settings.cfg"
    settings.write_text(f"SQLALCHEMY_DATABASE_URI = 'sqlite:///{folder}/peer/peer.db'\nSECRET_KEY = 'of the bench'\n")
    environ = {"IHATEMONEY_SETTINGS_FILE_PATH": str(settings)}
    net.set_line("near")
    with serve_inside(net, "ihatemoney.wsgi:application", environ, certificate, 8444, str(python)) as origin:
        try:
            cookie = _join(browser, origin)
            return task_lines("ihatemoney", net, browser, origin, cookie, _act, range(2))
        except Error as fault:
            return [Line("The same in ihatemoney", "", f"not measured: {fault.message.splitlines()[0]}")]


def _join(browser: Browser, origin: str) -> str:
    """The cookie of somebody who is in its demonstration group already."""
    context = new_phone(browser, origin)
    context.new_page().goto("/demo")
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in context.cookies())
    context.close()
    return cookie


def _act(page: Page) -> None:
    page.goto("/demo/")
    page.locator("a[href='/demo/add']").first.click()
    form = page.locator("form[action='/demo/add']")
    form.locator("#what").fill("rice 5 kg")
    form.locator("#payer").select_option(index=1)
    form.locator("#amount").fill("250")
    with page.expect_navigation(wait_until="load"):
        form.locator("#submit").click()
    page.locator("#sidebar .balance-value, #sidebar .balance").first.wait_for()


def task_lines(
    name: str,
    net: SlowNet,
    browser: Browser,
    origin: str,
    cookie: str,
    act: Callable[[Page], None],
    repeats: range,
) -> list[Line]:
    """The task on 2g by a phone that has nothing of it yet, and by the same phone once more."""
    net.set_line("2g")
    taken: dict[str, list[tuple[float, int]]] = {"first time": [], "again": []}
    for _time in repeats:
        context = new_phone(browser, origin, cookie)
        for when in taken:
            page = context.new_page()
            start, before = _seconds(page), net.count().bytes
            act(page)
            took = _seconds(page) - start
            quiet(page, net)
            taken[when].append((took, net.count().bytes - before))
            page.close()
        context.close()
    return [
        Line(
            f"{name} on 2g, {when}: {TASK}",
            "",
            f"{median(one[0] for one in found):.1f} s, {median(one[1] for one in found) / 1000:,.1f} KB",
        )
        for when, found in taken.items()
    ]


def _seconds(page: Page) -> float:
    return float(page.evaluate("(performance.timeOrigin + performance.now()) / 1000"))
