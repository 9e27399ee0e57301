"""What a photo of a bill weighs: as the page sends it, and as the server keeps it where no script made it small.

Three pictures of 12 megapixels: a printed bill on a table, the same out of focus and grainy, and nothing but grain, the
worst that a camera can give.
"""

from __future__ import annotations

import io
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Page, sync_playwright

from bench.books import environ_of, new_app, session_cookie
from bench.inside import CHROMIUM, new_phone
from bench.offline import FLAGS
from bench.report import Line
from bench.servers import serve
from bench.setting import PHONE
from khata.core.photos import reencode
from khata.demo import make_demo

PHOTO_BYTES = 60 * 1024
SIZE = (3000, 4000)
MADE_SMALL = """(was) => {
  const [file] = document.querySelector("#entry-form [name=photo]").files;
  return file && file.size !== was ? file.size : 0;
}"""


def measure(folder: Path, quick: bool) -> list[Line]:
    """A line for each picture and each way."""
    del quick
    environ = environ_of(folder)
    app = new_app(environ)
    with app.app_context():
        make_demo(PHONE, "en")
        cookie = session_cookie(PHONE)
    lines = []
    with serve("app:app", environ) as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = new_phone(browser, f"http://127.0.0.1:{port}", cookie).new_page()
        page.goto("/")
        page.locator("#parties a").first.click()
        page.locator("#entry-form").wait_for()
        for name, raw in _pictures().items():
            path = folder / "photo.jpg"
            path.write_bytes(raw)
            sent = _made_small(page, path)
            kept = len(reencode(path.read_bytes()))
            said = f"{sent:,} B of {len(raw) / 1e6:.1f} MB"
            lines += [
                Line(f"Photo, {name}, as the page sends it", f"≤ {PHOTO_BYTES:,} B", said, sent <= PHOTO_BYTES),
                Line(f"Photo, {name}, kept by the server, no script", f"≤ {PHOTO_BYTES:,} B", f"{kept:,} B",
                     kept <= PHOTO_BYTES),
            ]  # fmt: skip
        browser.close()
    return lines


def _made_small(page: Page, path: Path) -> int:
    """What is in the form's field once the script has been at it."""
    page.reload()
    page.locator("#entry-form [name=photo]").set_input_files(path)
    return int(page.wait_for_function(MADE_SMALL, arg=path.stat().st_size).json_value())


def _pictures() -> dict[str, bytes]:
    bill = _bill()
    grain = _grain(60)
    return {
        "a bill": _jpeg(Image.blend(bill, _grain(12), 0.1)),
        "a grainy bill": _jpeg(Image.blend(bill.filter(ImageFilter.GaussianBlur(4)), grain, 0.35)),
        "grain only": _jpeg(grain),
    }


def _bill() -> Image.Image:
    chance = random.Random(5)
    picture = Image.effect_mandelbrot(SIZE, (-1.5, -1, 0.5, 1), 60).convert("RGB")  # a table cloth, with much in it
    draw = ImageDraw.Draw(picture)
    draw.rectangle((300, 250, SIZE[0] - 300, SIZE[1] - 250), fill=(236, 232, 220))
    for top in range(350, SIZE[1] - 350, 90):
        words = " ".join("x" * chance.randint(2, 9) for _word in range(5))
        draw.text((380, top), f"{chance.randint(1, 99)}  {words}", fill=(40, 40, 60), font_size=64)
        draw.text((SIZE[0] - 750, top), f"{chance.randint(5, 2000)}.00", fill=(40, 40, 60), font_size=64)
    return picture


def _grain(strength: int) -> Image.Image:
    return Image.merge("RGB", [Image.effect_noise(SIZE, strength) for _channel in range(3)])


def _jpeg(picture: Image.Image) -> bytes:
    """As a camera writes it; no larger than what the server takes."""
    for quality in (92, 75, 50):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        if buffer.tell() < 11_000_000:
            break
    return buffer.getvalue()
