"""Photos that come with a form, and the way back out."""

from __future__ import annotations

from uuid import UUID

from flask import current_app, g, request
from flask_babel import gettext
from werkzeug.datastructures import FileStorage

from khata.core.forms import Form
from khata.core.photos import PhotoStore, SharedPhotos
from khata.errors import Invalid


def photo_store() -> PhotoStore:
    """The installation's photos."""
    store: PhotoStore = current_app.extensions["khata_photos"]
    return store


def shared_photos() -> SharedPhotos:
    """Photos that were shared and put to no entry yet."""
    store: SharedPhotos = current_app.extensions["khata_shared_photos"]
    return store


def _upload() -> FileStorage | None:
    upload = request.files.get("photo")
    return upload if upload is not None and upload.filename else None


def read_photo(form: Form) -> UUID | None:
    """Keep the photo that came with the form and give its id; its fault becomes the field's sentence."""
    upload = _upload()
    if upload is None or not form.is_valid:
        return None
    try:
        return photo_store().keep(g.shop.id, upload.stream)
    except Invalid as wrong:
        form.errors["photo"] = wrong.message
        return None


def require_photo() -> FileStorage:
    """The photo that is all the request is about; raises Invalid where there is none."""
    upload = _upload()
    if upload is None:
        raise Invalid(gettext("Choose a photo."), "no_photo")
    return upload


def shared_photo(typed: str) -> UUID | None:
    """The photo that `typed` names, where this very member shared it and it is still there."""
    try:
        photo_id = UUID(typed)
    except ValueError:
        return None
    return photo_id if shared_photos().path(g.shop.id, g.actor.member_id, photo_id).is_file() else None


def read_shared(form: Form) -> UUID | None:
    """Let the shop have the photo that the form names in `shared`; its fault becomes the sentence at `photo`."""
    typed = form.value("shared")
    photo_id = shared_photo(typed)
    form.values["shared"] = str(photo_id or "")  # it is shown again in an address
    if not typed or not form.is_valid:
        return None
    if photo_id is None or not shared_photos().put_into_book(g.shop.id, g.actor.member_id, photo_id):
        form.errors["photo"], form.values["shared"] = gettext("This photo is no longer here. Choose it again."), ""
        return None
    return photo_id
