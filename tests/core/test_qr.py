"""QR codes, read back by a decoder that shares nothing with what drew them."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from qrcode.main import QRCode

from khata.core import payment_qr
from khata.core.poster import Poster, poster
from khata.core.qr import QUIET, qr_code, qr_png
from khata.core.qr_mask import masked
from khata.errors import Invalid

CODES = {
    "upi": payment_qr.upi_uri("asha.store@okaxis", "आशा Store", 125050, "Bill 42"),
    "upi, open": payment_qr.upi_uri("asha.store@okaxis", "Asha Store"),
    "emv": payment_qr.emv_upi("asha.store@okaxis", "Asha Store", "Pune", 125050, "bill-42"),
    "emv, open": payment_qr.emv_upi("asha.store@okaxis", "Asha Store", "Pune"),
    "pix": payment_qr.pix("12345678000195", "João da Silva", "São Paulo", 6666, "abc1"),
    "pix, open": payment_qr.pix("asha@loja.com.br", "João da Silva", "São Paulo"),
    "epc": payment_qr.epc("DE89370400440532013000", "Müller", 12345, "Rechnung 42 für आशा"),
    "epc, open": payment_qr.epc("DE89370400440532013000", "Müller"),
    "epc, full": payment_qr.epc("DE89370400440532013000", "M" * 70, 99_999_999_999, "ä" * 140),
    "link": payment_qr.link("https://khata.example/p/Zm9vYmFyYmF6cXV4"),
}


def read(picture: Image.Image) -> str:
    """The one code in a picture."""
    (found,) = zxingcpp.read_barcodes(picture.convert("L"), formats=zxingcpp.BarcodeFormat.QRCode)
    return found.bytes.decode()


def drawn(text: str, scale: int = 4) -> Image.Image:
    """The path, drawn by hand: each piece is one rectangle."""
    code = qr_code(text)
    picture = Image.new("L", (code.size * scale, code.size * scale), 255)
    draw = ImageDraw.Draw(picture)
    pieces = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", code.path)
    assert "".join("M{} {}h{}v1h-{}z".format(*piece) for piece in pieces) == code.path
    for piece in pieces:
        x, y, width, back = map(int, piece)
        assert width == back
        assert QUIET <= x
        assert x + width <= code.size - QUIET
        draw.rectangle((x * scale, y * scale, (x + width) * scale - 1, (y + 1) * scale - 1), fill=0)
    return picture


@pytest.mark.parametrize("name", CODES)
def test_the_path_is_read_back(name: str) -> None:
    assert read(drawn(CODES[name])) == CODES[name]


@pytest.mark.parametrize("scale", [1, 3, 8])
@pytest.mark.parametrize("name", CODES)
def test_the_png_is_read_back(name: str, scale: int) -> None:
    picture = Image.open(io.BytesIO(qr_png(CODES[name], scale)))
    assert (picture.format, picture.mode) == ("PNG", "1")
    assert picture.size == (qr_code(CODES[name]).size * scale,) * 2
    larger = picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)
    assert read(larger) == CODES[name]


@settings(max_examples=60)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=600) | st.text("0123456789AZ", min_size=1)
)
def test_any_text_is_read_back(text: str) -> None:
    assert read(drawn(text)) == text


def test_a_scratched_code_is_read_back() -> None:
    picture = drawn(CODES["emv"], 8)
    at = picture.width // 2
    ImageDraw.Draw(picture).rectangle((at, at, at + 44, at + 44), fill=255)
    assert read(picture) == CODES["emv"]


@pytest.mark.parametrize("text", ["x" * 2332, "क" * 800])
def test_too_long_is_said(text: str) -> None:
    for make in (qr_code, qr_png):
        with pytest.raises(Invalid) as refused:
            make(text)
        assert refused.value.code == "qr_too_long"


def test_the_longest_fits() -> None:
    assert read(drawn("x" * 2331, 2)) == "x" * 2331


@pytest.mark.parametrize("scale", [0, -1, 41])
def test_a_scale_out_of_reason(scale: int) -> None:
    with pytest.raises(ValueError, match="scale"):
        qr_png("x", scale)


# the mask


def penalty(modules: list[list[bool]]) -> int:
    """ISO/IEC 18004, 7.8.3.1, written down slowly."""
    size = len(modules)
    lines = ["".join("1" if dark else "0" for dark in row) for row in modules]
    lines += ["".join(column) for column in zip(*lines, strict=True)]
    points = sum(len(run[0]) - 2 for line in lines for run in re.finditer(r"0{5,}|1{5,}", line))
    points += 3 * sum(
        modules[y][x] == modules[y][x + 1] == modules[y + 1][x] == modules[y + 1][x + 1]
        for y in range(size - 1)
        for x in range(size - 1)
    )
    finders = ("10111010000", "00001011101")
    points += 40 * sum(line.startswith(finders, at) for line in lines for at in range(size))
    dark = sum(map(sum, modules))
    return points + 10 * int(abs(dark * 100 / size**2 - 50) / 5)


def trial(text: str, mask: int) -> list[list[bool]]:
    """The picture that a mask is judged by: without the format."""
    code = QRCode(error_correction=0)
    code.add_data(text)
    code.best_fit(start=None)
    code.makeImpl(True, mask)
    modules: list[list[bool]] = code.modules
    return modules


@settings(max_examples=25)
@given(st.sampled_from(list(CODES.values())) | st.text(min_size=1, max_size=200))
def test_the_mask_is_the_best_of_eight(text: str) -> None:
    code = QRCode(error_correction=0)
    try:
        code.add_data(text)
    except ValueError:
        return
    modules = masked(code)
    best = min(range(8), key=lambda mask: penalty(trial(text, mask)))
    other = QRCode(error_correction=0, mask_pattern=best)
    other.add_data(text)
    other.make()
    assert modules == other.modules


# posters


def shown(made: Poster) -> Image.Image:
    """The page."""
    return Image.open(io.BytesIO(made.png))


def ink(made: Poster, top: int, bottom: int) -> int:
    """How many dark dots there are between two heights."""
    return shown(made).crop((0, top, 1240, bottom)).histogram()[0]


@pytest.mark.parametrize("name", CODES)
def test_a_poster_is_read_back(name: str) -> None:
    made = poster(CODES[name], "Asha Store", "asha.store@okaxis", "₹1,250.50")
    assert read(shown(made)) == CODES[name]


NOTO = pytest.mark.skipif(not Path("/usr/share/fonts/truetype/noto").is_dir(), reason="needs fonts-noto-core")


@NOTO
@pytest.mark.parametrize(
    "name", ["Asha Store", "आशा किराना स्टोर", "متجر آشا", "আশা স্টোর", "ஆஷா", "आशा Store", "Café Ägypten", "l" * 80]
)
def test_a_name_is_written(name: str) -> None:
    made = poster(CODES["upi"], name, "asha.store@okaxis", "₹1,250.50")
    assert made.left_out == ()
    assert ink(made, 100, 370) > 500
    assert ink(made, 1560, 1700) > 500


@pytest.mark.parametrize("name", ["Asha 🙏🙏", "\u13a0\u10a0\U00012000", "متجر Asha\u0995"])
def test_a_name_without_its_font_is_left_out_and_said(name: str) -> None:
    made = poster(CODES["upi"], name, "asha.store@okaxis")
    assert made.left_out == ("name",)
    assert ink(made, 0, 370) == 0
    assert ink(made, 1560, 1700) > 500
    assert read(shown(made)) == CODES["upi"]


def test_with_no_fonts_at_all_latin_is_written(tmp_path: Path) -> None:
    assert poster(CODES["upi"], "Asha Store", "asha@okaxis", folders=(tmp_path,)).left_out == ()
    assert poster(CODES["upi"], "आशा", "asha@okaxis", "Rs 5", folders=(tmp_path,)).left_out == ("name",)


def test_a_broken_font_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "NotoSans-Bold.ttf").write_bytes(b"no font")
    assert poster(CODES["upi"], "Asha", "asha@okaxis", folders=(tmp_path,)).left_out == ()


def test_joined_scripts_need_joining(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("khata.core.poster._shapes", lambda: False)
    assert poster(CODES["upi"], "आशा", "asha@okaxis").left_out == ("name",)
    assert poster(CODES["upi"], "Asha é", "asha@okaxis").left_out == ()


def test_nothing_is_said_of_what_was_not_asked_for() -> None:
    assert poster(CODES["link"], "", "", "").left_out == ()
