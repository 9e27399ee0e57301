"""Photos that come with a form, and the way back out."""

from __future__ import annotations

from uuid import UUID

from flask import current_app, g, request

from khata.core.forms import Form
from khata.core.photos import PhotoStore
from khata.errors import Invalid


def photo_store() -> PhotoStore:
    """The installation's photos."""
    store: PhotoStore = current_app.extensions["khata_photos"]
    return store


def read_photo(form: Form) -> UUID | None:
    """Keep the photo that came with the form and give its id; its fault becomes the field's sentence."""
    upload = request.files.get("photo")
    if upload is None or not upload.filename or not form.is_valid:
        return None
    try:
        return photo_store().keep(g.shop.id, upload.stream)
    except Invalid as wrong:
        form.errors["photo"] = wrong.message
        return None
