"""A poster to print and stand on the counter: the code, the shop's name above it, the address to type below it.

Letters are drawn with fonts of this machine (Debian: fonts-noto-core). A name that no font here can write is left out, and
said so: boxes in place of a name are worse than none.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from khata.core.payment_qr import JOINERS, plain
from khata.core.qr import qr_png

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

FOLDERS = tuple(map(Path, ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/truetype")))
WIDTH, HEIGHT, MARGIN = 1240, 1754, 100  # A4 at 150 dots an inch
LARGEST_NAME, LARGEST_TEXT, LEAST = 120, 56, 24  # pixels a letter is high
MOST_LETTERS = 80
NOBODYS = "\U0010ffff"  # in no font: what is drawn for it stands for every letter that is missing


class Poster(NamedTuple):
    """`png`, and which of "name", "address" and "amount" could not be written on it."""

    png: bytes
    left_out: tuple[str, ...]


def poster(text: str, name: str, address: str = "", amount: str = "", folders: tuple[Path, ...] = FOLDERS) -> Poster:
    """The poster of the code of `text`; raises Invalid where the text is too long for a code."""
    from PIL import Image, ImageDraw

    page = Image.new("L", (WIDTH, HEIGHT), 255)
    code = _code(text)
    page.paste(code, ((WIDTH - code.width) // 2, 380))
    draw = ImageDraw.Draw(page)
    left_out = []
    lines = (
        ("name", name, 220, LARGEST_NAME),
        ("amount", amount, 1470, LARGEST_NAME),
        ("address", address, 1600, LARGEST_TEXT),
    )
    for what, said, middle, largest in lines:
        shown = plain(said, MOST_LETTERS)
        font = _font(shown, largest, folders) if shown else None
        if font:
            draw.text((WIDTH // 2, middle), shown, fill=0, font=font, anchor="mm")
        elif said.strip():
            left_out.append(what)
    buffer = io.BytesIO()
    page.save(buffer, "PNG", optimize=True)
    return Poster(buffer.getvalue(), tuple(left_out))


def _code(text: str) -> Image:
    """As large as fits, in whole pixels a module."""
    from PIL import Image

    small = Image.open(io.BytesIO(qr_png(text, 1)))
    scale = (WIDTH - 2 * MARGIN) // small.width
    return small.convert("L").resize((small.width * scale, small.height * scale), Image.Resampling.NEAREST)


def _font(text: str, largest: int, folders: tuple[Path, ...]) -> FreeTypeFont | None:
    """A font that has every letter of the text, as large as the page is wide; None where there is none."""
    for path in _candidates(text, folders):
        font = _opened(path, largest)
        if font is not None and _has_all(font, text) and (is_simple(text) or _shapes()):
            wide = font.getlength(text)
            size = min(largest, int(largest * (WIDTH - 2 * MARGIN) / max(wide, 1)))
            return _opened(path, size) if size >= LEAST else None
    return None


def is_simple(text: str) -> bool:
    """Whether letters may stand one after the other as they are: no joined or marked script, none from the right."""
    return all(ord(char) < 0x300 or unicodedata.category(char) == "Sc" for char in text)


def _shapes() -> bool:
    """Whether letters can be joined here (raqm)."""
    from PIL import features

    return bool(features.check("raqm"))


def _candidates(text: str, folders: tuple[Path, ...]) -> Iterator[str]:
    """Fonts worth a try, the likeliest first: by the name of each script, then for all, then what Pillow brings."""
    found = _fonts(folders)
    scripts = {unicodedata.name(char, "").split(" ")[0].title() for char in text if char.isalpha()}
    named = [f"NotoSans{script}" for script in sorted(scripts)] + ["NotoNaskhArabic", "NotoSans", "DejaVuSans"]
    for stem in named:
        for weight in ("-Bold", "-Regular", ""):
            if path := found.get(stem + weight):
                yield path
    yield ""


@lru_cache(maxsize=4)
def _fonts(folders: tuple[Path, ...]) -> dict[str, str]:
    """Path by name, of every font of this machine."""
    paths = [path for folder in folders for kind in ("ttf", "otf") for path in sorted(folder.rglob(f"*.{kind}"))]
    return {path.stem: str(path) for path in reversed(paths)}


@lru_cache(maxsize=64)
def _opened(path: str, size: int) -> FreeTypeFont | None:
    """The font, Pillow's own for ""; None where it can't be read."""
    from PIL import ImageFont

    try:
        font = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    except OSError:
        return None
    return font if isinstance(font, ImageFont.FreeTypeFont) else None


def _has_all(font: FreeTypeFont, text: str) -> bool:
    missing = bytes(font.getmask(NOBODYS))
    letters = {char for char in text if not char.isspace() and char not in JOINERS}
    return not any(bytes(font.getmask(char)) == missing for char in letters)
