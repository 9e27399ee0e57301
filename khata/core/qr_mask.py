"""The mask of a QR code (ISO/IEC 18004, 7.8): of eight, the one whose picture a camera mistakes least.

The qrcode library builds and scores all eight in Python lists, which is nine tenths of its time. Here a picture is one
large number, a bit a module, so that a rule is a few shifts over the whole of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from qrcode.main import QRCode
from qrcode.util import mask_func

MASKS = range(8)
LEAST_WITH_NUMBER = 7  # larger codes say their version, too


class _Board(NamedTuple):
    """A version's own: its size, each mask's flips as rows and as columns, and every module that is one."""

    size: int
    flips: tuple[tuple[int, int], ...]
    full: int


def masked(code: QRCode) -> list[list[bool]]:
    """The modules of `code`, made once, with the best of the masks."""
    code.best_fit(start=None)
    code.makeImpl(True, 0)  # as for a trial: without the format, which differs by the mask
    board = _board(code.version)
    rows = _number(code.modules)
    columns = _number(zip(*code.modules, strict=True))
    base = board.flips[0]
    penalties = [_penalty(rows ^ base[0] ^ flip[0], columns ^ base[1] ^ flip[1], board) for flip in board.flips]
    best = penalties.index(min(penalties))
    code.modules = _modules(rows ^ base[0] ^ board.flips[best][0], board.size)
    code.setup_type_info(False, best)
    if code.version >= LEAST_WITH_NUMBER:
        code.setup_type_number(False)
    modules: list[list[bool]] = code.modules
    return modules


@lru_cache(maxsize=40)
def _board(version: int) -> _Board:
    blank = QRCode(version=version)
    blank.data_cache = []  # nothing to draw: what stays None is where data goes
    blank.map_data = lambda _data, _mask: None
    blank.makeImpl(True, 0)
    size = blank.modules_count
    free = [[module is None for module in row] for row in blank.modules]
    flips = []
    for mask in MASKS:
        flipped = mask_func(mask)
        rows = [[free[y][x] and flipped(y, x) for x in range(size)] for y in range(size)]
        flips.append((_number(rows), _number(zip(*rows, strict=True))))
    return _Board(size, tuple(flips), _number([[True] * size] * size))


def _number(lines: Iterable[Iterable[bool]]) -> int:
    """All lines as one number, with an empty bit after each so that nothing runs over its end."""
    return int("".join("".join("1" if module else "0" for module in line) + "0" for line in lines), 2)


def _modules(rows: int, size: int) -> list[list[bool]]:
    """The way back."""
    bits = f"{rows:0{size * (size + 1)}b}"
    return [[bit == "1" for bit in bits[at : at + size]] for at in range(0, len(bits), size + 1)]


def _penalty(rows: int, columns: int, board: _Board) -> int:
    """7.8.3.1: runs of five and more, blocks of four, what looks like a finder, and how far from half is dark."""
    dark, light = rows, rows ^ board.full
    across, down = (dark, light), (columns, columns ^ board.full)
    points = sum(_runs(lines) for lines in (*across, *down))
    points += sum(_blocks(lines, board.size + 1) for lines in across)
    points += sum(_finders(*lines) for lines in (across, down))
    percent = 100 * dark.bit_count() / board.size**2
    return points + 10 * int(abs(percent - 50) / 5)


def _runs(lines: int) -> int:
    """3 for five alike in a line, one more for each further one."""
    pairs = lines & lines >> 1
    fives = pairs & pairs >> 2 & lines >> 4
    return fives.bit_count() + 2 * (fives & ~(fives >> 1)).bit_count()


def _blocks(lines: int, stride: int) -> int:
    """3 for each two by two alike."""
    pairs = lines & lines >> 1
    return 3 * (pairs & pairs >> stride).bit_count()


def _finders(dark: int, light: int) -> int:
    """40 for each 1:1:3:1:1 with four light ones on a side."""
    core = dark & light >> 1 & dark >> 2 & dark >> 3 & dark >> 4 & light >> 5 & dark >> 6
    pairs = light & light >> 1
    four = pairs & pairs >> 2
    return 40 * ((core & four >> 7).bit_count() + (core >> 4 & four).bit_count())
