"""QR codes: as the path of an SVG for pages (few bytes, sharp on every screen), as PNG to share and print."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import NamedTuple

import qrcode
from flask_babel import lazy_gettext as _
from qrcode.exceptions import DataOverflowError

from khata.core.qr_mask import masked
from khata.errors import Invalid

QUIET = 4  # modules left free around it (ISO/IEC 18004)
LARGEST_SCALE = 40


class QrCode(NamedTuple):
    """`size` modules wide and high, quiet zone included; `path` draws the dark ones, a run at a time."""

    size: int
    path: str


@lru_cache(maxsize=256)
def qr_code(text: str) -> QrCode:
    """The smallest code of `text` that still reads with 15 % of it damaged (level M); else raises Invalid."""
    matrix = _matrix(text)
    path = "".join(_runs(y, row) for y, row in enumerate(matrix, QUIET))
    return QrCode(len(matrix) + 2 * QUIET, path)


def qr_png(text: str, scale: int = 8) -> bytes:
    """The same code as a PNG of two colours, `scale` pixels a module (1 to LARGEST_SCALE); raises Invalid."""
    from PIL import Image

    if not 1 <= scale <= LARGEST_SCALE:
        raise ValueError(f"scale {scale}")
    matrix = _matrix(text)
    size = len(matrix) + 2 * QUIET
    picture = Image.frombytes("1", (size, size), _packed(matrix, size))
    buffer = io.BytesIO()
    picture.resize((size * scale, size * scale), Image.Resampling.NEAREST).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _matrix(text: str) -> list[list[bool]]:
    """Without the quiet zone."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M)
    try:
        code.add_data(text)
        return masked(code)
    except (DataOverflowError, ValueError):  # ValueError: longer than the largest version, or half a letter
        raise Invalid(_("This is too long for a QR code."), "qr_too_long") from None


def _packed(matrix: list[list[bool]], size: int) -> bytes:
    """A bit a module, 1 for light, each line in whole bytes."""
    width = (size + 7) // 8
    empty = b"\xff" * width
    edge = "1" * QUIET
    lines = ["".join("0" if dark else "1" for dark in row) for row in matrix]
    packed = [int(f"{edge}{line}{edge}".ljust(width * 8, "1"), 2).to_bytes(width, "big") for line in lines]
    return empty * QUIET + b"".join(packed) + empty * QUIET


def _runs(y: int, row: list[bool]) -> str:
    drawn, x = "", 0
    while x < len(row):
        end = x
        while end < len(row) and row[end]:
            end += 1
        if end > x:
            drawn += f"M{x + QUIET} {y}h{end - x}v1h-{end - x}z"
        x = end + 1
    return drawn
