"""QR codes of the pay page, read back by a decoder that knows nothing of ours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import zxingcpp
from PIL import Image

from tests.client import Browser
from tests.payments.test_pay_page import link_of


@pytest.fixture
def page(owner: Browser) -> str:
    owner.post("/shops/settings", {"upi_address": "asha@okbank", "city": "Pune"})
    party = owner.add_party("Ramesh & Sons")
    owner.write(party, "gave", "1234.50")
    return link_of(owner, party)


def read(visitor: Browser, url: str) -> str:
    answer = visitor.raw("GET", url)
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.data)))
    return str(found.text)


def drawn(visitor: Browser, url: str) -> str:
    """The SVG, its path filled into a bitmap by hand."""
    answer = visitor.raw("GET", url)
    assert answer.mimetype == "image/svg+xml"
    size = int(re.search(r'viewBox="0 0 (\d+)', answer.text)[1])  # type: ignore[index]
    picture = Image.new("L", (size, size), 255)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)", answer.text.split("<path d")[1]):
        for step in range(int(width)):
            picture.putpixel((int(x) + step, int(y)), 0)
    (found,) = zxingcpp.read_barcodes(picture.resize((size * 6, size * 6), Image.Resampling.NEAREST))
    return str(found.text)


def test_upi(visitor: Browser, page: str) -> None:
    for text in (drawn(visitor, f"{page}/qr.svg"), read(visitor, f"{page}/qr.png?scheme=upi")):
        fields = parse_qs(urlsplit(text).query)
        assert text.startswith("upi://pay?")
        assert (fields["pa"], fields["am"], fields["cu"]) == (["asha@okbank"], ["1234.50"], ["INR"])
        assert fields["pn"] == ["Asha Store"]
        assert "+" not in text
    assert "am=" not in read(visitor, f"{page}/qr.png?scheme=upi&amount=open")


def test_emv(visitor: Browser, page: str) -> None:
    text = read(visitor, f"{page}/qr.png?scheme=emv")
    assert text.startswith("000201")
    assert "asha@okbank" in text
    assert "54071234.50" in text
    assert "6004PUNE" in text.upper()


def test_a_plain_link(visitor: Browser, page: str) -> None:
    assert read(visitor, f"{page}/qr.png?scheme=link") == f"http://localhost{page}"


def test_a_poster(visitor: Browser, page: str) -> None:
    assert read(visitor, f"{page}/qr.png?scheme=upi&poster=1").startswith("upi://pay?")


@pytest.mark.parametrize("scheme", ["pix", "epc", "x", "../", "UPI"])
def test_a_code_that_is_not_there(visitor: Browser, page: str, scheme: str) -> None:
    for kind in ("svg", "png"):
        visitor.get(f"{page}/qr.{kind}?scheme={scheme}", 404)


def test_the_page_shows_code_address_amount_and_link_together(visitor: Browser, page: str) -> None:
    seen = visitor.get(page)
    assert f"{page}/qr.svg?scheme=upi" in [image["src"] for image in seen.all("img")]
    assert "asha@okbank" in seen.text
    assert "₹1,234.50" in seen.text
    assert seen.links("upi://pay?pa=asha@okbank")
    assert "does not prove" in seen.text


def test_settled_there_is_nothing_to_pay(owner: Browser, visitor: Browser, page: str) -> None:
    party = next(one for one in owner.get("/").links("/parties/") if "new" not in one)
    owner.write(party, "got", "1234.50")
    assert "qr.svg" not in visitor.get(page).html
    assert "am=" not in read(visitor, f"{page}/qr.png?scheme=upi")


def test_euros(open_shop: Callable[..., Browser], visitor: Browser) -> None:
    berlin = open_shop("+4915123456789", name="Laden")
    berlin.post("/shops/settings", {"iban": "DE89 3704 0044 0532 0130 00"})
    party = berlin.add_party("Karl")
    berlin.write(party, "gave", "12.30")
    text = read(visitor, f"{link_of(berlin, party)}/qr.png?scheme=epc")
    assert text.splitlines()[:4] == ["BCD", "002", "1", "SCT"]
    assert "EUR12.30" in text
    berlin.post("/shops/settings", {"iban": "DE89 3704 0044 0532 0130 01"}, status=422)
