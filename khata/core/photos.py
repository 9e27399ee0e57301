"""Photos of bills and people: made small, stripped of everything but the picture, kept in the shop's own folder."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO
from uuid import UUID

from flask_babel import lazy_gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from khata.core.db import after_rollback
from khata.core.ids import derived_id
from khata.errors import Invalid

MAX_UPLOAD_BYTES = 12 * 1024 * 1024
MAX_REQUEST_BYTES = 64 * 1024 * 1024  # a larger photo is still read, so that the form comes back as it was typed
MAX_PIXELS = 60_000_000
LONGEST_SIDE = 1280
# Longest side and quality, as static/js/parts/photo.js has them: the first that comes out small enough is kept.
TRIES = ((LONGEST_SIDE, 60), (1024, 50), (800, 40), (640, 35), (480, 30))
AIM_BYTES = 60 * 1024
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MOST_SHARED = 10  # of a member


class PhotoStore:
    """Photos under `root`, a folder for each shop. A photo's id comes from its bytes: the same photo is kept once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def keep(self, shop_id: UUID, upload: IO[bytes]) -> UUID:
        """Re-encode `upload` and keep it; gone again if the transaction is rolled back. Raises Invalid."""
        photo_id, raw = _take_in(shop_id, upload)
        _write_once(self.path(shop_id, photo_id), lambda: reencode(raw))
        return photo_id

    def path(self, shop_id: UUID, photo_id: UUID) -> Path:
        """Where the photo is kept."""
        return self.root / shop_id.hex / f"{photo_id.hex}.jpg"

    def of(self, shop_id: UUID) -> list[tuple[UUID, Path]]:
        """(id, where it is kept) of every photo of the shop."""
        return sorted((UUID(path.stem), path) for path in (self.root / shop_id.hex).glob("*.jpg"))


class SharedPhotos:
    """Photos that members shared from their phone and have put to no entry yet, under `root`, a folder for each member.

    Nobody else sees them and no book has them. What is put to an entry is copied to `photos`, so that the same form
    sent again finds it; here it goes when it is old, or when MOST_SHARED newer ones are there.
    """

    def __init__(self, root: Path, photos: PhotoStore) -> None:
        self.root, self.photos = root, photos

    def keep(self, shop_id: UUID, member_id: UUID, upload: IO[bytes]) -> UUID:
        """As PhotoStore's, which would give it the same id. Raises Invalid."""
        photo_id, raw = _take_in(shop_id, upload)
        path = self.path(shop_id, member_id, photo_id)
        _write_once(path, lambda: reencode(raw))
        path.touch()  # shared again, it is new again
        newest = sorted(path.parent.glob("*.jpg"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in newest[MOST_SHARED:]:
            old.unlink(missing_ok=True)
        return photo_id

    def path(self, shop_id: UUID, member_id: UUID, photo_id: UUID) -> Path:
        """Where the photo is kept, if it is this member's."""
        return self.root / shop_id.hex / member_id.hex / f"{photo_id.hex}.jpg"

    def put_into_book(self, shop_id: UUID, member_id: UUID, photo_id: UUID) -> bool:
        """Let the shop have the photo, too, unless the transaction is rolled back; False where it is here no longer."""
        try:
            _write_once(self.photos.path(shop_id, photo_id), self.path(shop_id, member_id, photo_id).read_bytes)
        except FileNotFoundError:
            return False
        return True

    def forget(self, before: datetime) -> None:
        """Delete what was shared before then."""
        for path in self.root.glob("*/*/*"):
            if path.stat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)


def _take_in(shop_id: UUID, upload: IO[bytes]) -> tuple[UUID, bytes]:
    """(id, bytes) of what was sent; raises Invalid."""
    raw = upload.read(MAX_UPLOAD_BYTES + 1)
    if len(raw) > MAX_UPLOAD_BYTES:
        raise Invalid(_("This photo is too large. At most 12 MB."), "photo_too_large")
    return derived_id(shop_id, hashlib.sha256(raw).hexdigest()), raw


def _write_once(path: Path, make: Callable[[], bytes]) -> None:
    if not path.exists():
        _write_durably(path, make())
        after_rollback(lambda: path.unlink(missing_ok=True))


def reencode(raw: bytes) -> bytes:
    """A small JPEG of the picture in `raw`, upright, without metadata; raises Invalid where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Invalid(_("This picture has too many pixels."), "photo_too_many_pixels")
                image.draft("RGB", (LONGEST_SIDE * 2, LONGEST_SIDE * 2))
                picture = ImageOps.exif_transpose(image).convert("RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Invalid(_("This picture has too many pixels."), "photo_too_many_pixels") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError):
        raise Invalid(_("This file is not a photo that can be read. Use JPEG, PNG or WebP."), "not_a_photo") from None
    small = b""
    for side, quality in TRIES:
        picture.thumbnail((side, side))
        small = _jpeg(picture, quality)
        if len(small) <= AIM_BYTES:
            break
    return small


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    clean = Image.frombytes("RGB", picture.size, picture.tobytes())  # a fresh image has no metadata to carry over
    clean.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
    return buffer.getvalue()


def _write_durably(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
