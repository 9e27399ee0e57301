"""Expected failures. Each knows its HTTP status and says one plain sentence; `khata.web.pages` shows it."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _


class KhataError(Exception):
    """The parent: `code` for machines, `status` for HTTP, `message` for people."""

    code = "error"
    status = 400
    message: Any = _("Something in this request is not right.")

    def __init__(self, message: Any = None, code: str | None = None) -> None:
        super().__init__(code or self.code)
        if message is not None:
            self.message = message
        if code is not None:
            self.code = code


class Invalid(KhataError):
    """What was typed can't be taken."""

    code = "invalid"
    status = 422
    message = _("Please check what you typed.")


class NotFound(KhataError):
    """Not there, or not yours: the answer is the same for both."""

    code = "not_found"
    status = 404
    message = _("This page is not here, or it is not yours.")


class Forbidden(KhataError):
    """The member may not do this."""

    code = "forbidden"
    status = 403
    message = _("You may not do this in this shop. Ask the owner.")


class CrossSite(Forbidden):
    """The form was not sent from a page of ours."""

    code = "cross_site"
    message = _("This form did not come from Khata. Open Khata again and retry.")


class Conflict(KhataError):
    """Somebody else was there first."""

    code = "conflict"
    status = 409
    message = _("This was changed meanwhile. Look at the new version and try again.")


class WrittenOtherwise(Conflict):
    """The id stands with other content."""

    code = "already_written"


class TooMany(KhataError):
    """Asked too often."""

    code = "too_many"
    status = 429
    message = _("Too many tries. Wait a little and try again.")


class TooLarge(KhataError):
    """The request is larger than this address takes."""

    code = "too_large"
    status = 413
    message = _("This is too large to send.")


class Busy(KhataError):
    """Too many are sending at this moment."""

    code = "busy"
    status = 503
    message = _("Many people are sending just now. Wait a little and try again.")
