"""Photos: made small, stripped of everything but the picture, only for the shop they are of."""

from __future__ import annotations

import io
import random
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from khata.core.photos import AIM_BYTES, LONGEST_SIDE, reencode
from khata.errors import Invalid
from tests.client import Browser, Page
from tests.factories import picture, picture_with_place, upload


def send(browser: Browser, party: str, content: bytes, name: str = "bill.jpg", status: int = 303) -> str:
    """Write an entry with a photo and give the photo's address."""
    fields = {"direction": "gave", "amount": "5", "note": "typed", "photo": upload(content, name)}
    page = browser.post(f"{party}/entries", fields, status=status)
    if status != 303:
        return page.text
    entry = browser.get(party).links("/entries/")[0]
    return browser.get(entry).all("img")[0]["src"]


def fetch(browser: Browser, photo: str, status: int = 200, **headers: str) -> TestResponse:
    """The photo, read to its end."""
    with browser.raw("GET", photo, headers=headers) as answer:
        assert answer.status_code == status
        assert answer.data is not None
        return answer


def photos(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "photos").rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def _no_photos_yet(data_dir: Path) -> None:
    for path in photos(data_dir):
        path.unlink()


def test_it_works(owner: Browser) -> None:
    answer = fetch(owner, send(owner, owner.add_party(), picture_with_place()))
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in answer.headers["Cache-Control"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    image = Image.open(io.BytesIO(answer.data))
    assert image.size == (40, 60), "it stands upright, though the phone lay on its side"


def test_nothing_but_the_picture_is_kept(owner: Browser) -> None:
    raw = picture_with_place()
    assert b"PhoneMaker" in raw
    answer = fetch(owner, send(owner, owner.add_party(), raw))
    for secret in (b"PhoneMaker", b"Exif", b"a secret remark"):
        assert secret not in answer.data
    image = Image.open(io.BytesIO(answer.data))
    assert not image.getexif()
    assert "comment" not in image.info


def test_only_for_the_shop(owner: Browser, stranger: Browser, visitor: Browser) -> None:
    photo = send(owner, owner.add_party(), picture())
    stranger.get(photo, status=404)
    visitor.get(photo, status=303)
    fetch(owner, photo, 304, **{"If-None-Match": fetch(owner, photo).headers["ETag"]})


def test_a_photo_of_a_person(owner: Browser, data_dir: Path) -> None:
    owner.post("/parties", {"name": "Ramesh", "photo": upload(picture())})
    party = str(owner.location)
    assert len(photos(data_dir)) == 1
    owner.post(party, {"name": "Ramesh"}, then=party)  # a form without a photo leaves it
    owner.post(party, {"name": "Ramesh", "photo": upload(b"not one")}, status=422)


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "GIF", "JPEG"])
def test_other_kinds_of_picture(owner: Browser, format_: str) -> None:
    assert fetch(owner, send(owner, owner.add_party(), picture(format_), "x.exe")).data[:2] == b"\xff\xd8"


def test_a_large_photo_is_made_small() -> None:
    small = reencode(picture(size=(4000, 3000), quality=95))
    assert max(Image.open(io.BytesIO(small)).size) == LONGEST_SIDE
    assert len(small) <= AIM_BYTES


def bomb() -> bytes:
    """A PNG of a few KB that says it has 900 million pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(bytes(2**20)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rows + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a photo"),
        (b"hello", "not a photo"),
        (b"%PDF-1.7 " + b"x" * 1000, "not a photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "not a photo"),
        (b"<html><script>alert(1)</script>", "not a photo"),
        (picture()[:200], "not a photo"),
        (picture("BMP"), "not a photo"),
        (picture("TIFF"), "not a photo"),
        (picture() + bytes(13 * 2**20), "At most 12 MB"),
        (bytes(50 * 2**20), "At most 12 MB"),
        (bomb(), "too many pixels"),
    ],
    ids=["empty", "text", "pdf", "svg", "html", "cut", "bmp", "tiff", "13 MB", "50 MB", "bomb"],
)
def test_what_is_no_photo_is_said_and_the_rest_stays(
    owner: Browser, data_dir: Path, content: bytes, sentence: str
) -> None:
    party = owner.add_party()
    body = b"--b\r\nContent-Disposition: form-data; name=photo; filename=a.jpg\r\n\r\n" + content
    for name, typed in (("direction", "gave"), ("amount", "5+5"), ("note", "typed")):
        body += f"\r\n--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n{typed}".encode()
    answer = owner.raw(
        "POST", f"{party}/entries", data=body + b"\r\n--b--\r\n", content_type="multipart/form-data; boundary=b"
    )
    assert answer.status_code == 422
    page = Page(answer.get_data(as_text=True))
    assert sentence in page.text
    assert (page.hidden("amount"), page.hidden("note")) == ("5+5", "typed")
    assert photos(data_dir) == []
    assert "₹10" not in owner.get(party).text


def test_a_photo_that_is_also_a_page_comes_out_as_a_photo_only(owner: Browser) -> None:
    raw = picture(comment=b"<script>alert(1)</script>") + b"<html><script>alert(2)</script>"
    answer = fetch(owner, send(owner, owner.add_party(), raw, "x.html"))
    assert b"script" not in answer.data
    assert answer.mimetype == "image/jpeg"


def test_the_same_photo_is_kept_once(owner: Browser, data_dir: Path) -> None:
    party = owner.add_party()
    assert send(owner, party, picture()) == send(owner, party, picture())
    assert len(photos(data_dir)) == 1


def test_a_refused_entry_leaves_no_photo(owner: Browser, data_dir: Path) -> None:
    party = owner.add_party()
    owner.post(f"{party}/entries", {"direction": "gave", "amount": "x", "photo": upload(picture())}, status=422)
    owner.post(f"{party}/deletion")
    owner.post(f"{party}/entries", {"direction": "gave", "amount": "5", "photo": upload(picture())}, status=422)
    assert photos(data_dir) == []


def test_a_photo_of_an_entry_may_be_added_and_replaced(owner: Browser) -> None:
    party = owner.add_party()
    entry = owner.write(party, "gave", "5").links("/entries/")[0]
    fields = {"direction": "gave", "amount": "5", "version": "1"}
    owner.post(entry, {**fields, "photo": upload(picture())}, then=party)
    (first,) = owner.get(entry).all("img")
    owner.post(entry, {**fields, "version": "2", "photo": upload(picture(size=(9, 9)))}, then=party)
    (second,) = owner.get(entry).all("img")
    assert first["src"] != second["src"]
    fetch(owner, first["src"])  # history is not erased


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_damaged_picture_is_a_picture_or_refused(format_: str) -> None:
    """Nothing but Invalid ever comes out, whatever stands in the file."""
    whole = picture_with_place() if format_ == "JPEG" else picture(format_)
    chance = random.Random(7)
    for _time in range(150):
        damaged = bytearray(whole)
        for _byte in range(chance.randint(1, 12)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        end = chance.choice((len(damaged), chance.randrange(1, len(damaged))))
        with suppress(Invalid):
            assert reencode(bytes(damaged[:end]))[:2] == b"\xff\xd8"
