"""A poster to print and stand on the counter: the code, the shop's name above it, the address to type below it.

Letters are drawn with fonts of this machine (Debian: fonts-noto-core). A name that they can't write is left out, and
the caller is told: boxes in place of a name are worse than none.
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
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

FOLDERS = tuple(map(Path, ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/truetype")))
WIDTH, HEIGHT, MARGIN = 1240, 1754, 100  # A4 at 150 dots an inch
LARGEST_NAME, LARGEST_TEXT, LEAST = 120, 56, 16  # pixels a letter is high
MOST_LETTERS = 80
NOBODYS = "\U0010ffff"  # in no font: what is drawn for it stands for every letter that is missing


class Poster(NamedTuple):
    """`png`, and which of "name", "address" and "amount" could not be written on it."""

    png: bytes
    left_out: tuple[str, ...]


def poster(text: str, name: str, address: str = "", amount: str = "", folders: tuple[Path, ...] = FOLDERS) -> Poster:
    """The poster of the code of `text`; raises Invalid where the text is too long for a code."""
    from PIL import Image
    from PIL.ImageDraw import Draw

    page = Image.new("L", (WIDTH, HEIGHT), 255)
    code = _code(text)
    page.paste(code, ((WIDTH - code.width) // 2, 380))
    draw = Draw(page)
    left_out = []
    lines = (
        ("name", name, 260, LARGEST_NAME),
        ("amount", amount, 1510, LARGEST_NAME),
        ("address", address, 1620, LARGEST_TEXT),
    )
    for what, said, baseline, largest in lines:
        pieces = _pieces(plain(said, MOST_LETTERS), folders)
        if not (pieces and _write(draw, pieces, baseline, largest)) and said.strip():
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


def _write(draw: ImageDraw, pieces: list[tuple[str, str]], baseline: int, largest: int) -> bool:
    """Draw the pieces one after the other in the middle, as large as the page lets them; False if that is too small."""
    wide = sum(_opened(path, largest).getlength(text) for text, path in pieces)
    size = min(largest, int(largest * (WIDTH - 2 * MARGIN) / max(wide, 1)))
    if size < LEAST:
        return False
    x = (WIDTH - sum(_opened(path, size).getlength(text) for text, path in pieces)) / 2
    for text, path in pieces:
        draw.text((x, baseline), text, fill=0, font=_opened(path, size), anchor="ls")
        x += _opened(path, size).getlength(text)
    return True


def _pieces(text: str, folders: tuple[Path, ...]) -> list[tuple[str, str]]:
    """(text, font) of the whole, or word by word where no font has all its letters; [] where that is no help either."""
    if (whole := _font(text, folders)) is not None:
        return [(text, whole)]
    if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text):
        return []  # words of two directions don't stand in the order they are written in
    words = [f" {word}" if number else word for number, word in enumerate(text.split())]
    fonts = [_font(word, folders) for word in words]
    pieces = [(word, font) for word, font in zip(words, fonts, strict=True) if font is not None]
    return pieces if len(pieces) == len(words) else []


def _font(text: str, folders: tuple[Path, ...]) -> str | None:
    """A font that has every letter of the text; None where there is none."""
    if not (is_simple(text) or _shapes()):
        return None
    return next((path for path in _candidates(text, folders) if _has_all(path, text)), None)


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
def _opened(path: str, size: int) -> FreeTypeFont:
    """The font, Pillow's own for ""; raises OSError where it can't be read."""
    from PIL import ImageFont

    font = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("this Pillow has no FreeType")
    return font


def _has_all(path: str, text: str) -> bool:
    try:
        font = _opened(path, LARGEST_TEXT)
    except OSError:
        return False
    missing = bytes(font.getmask(NOBODYS))
    letters = {char for char in text if not char.isspace() and char not in JOINERS}
    return not any(bytes(font.getmask(char)) == missing for char in letters)
