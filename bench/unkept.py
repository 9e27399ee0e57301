"""The application with no page kept: every answer is made anew, as the first one after a write is."""

from khata.web.kept import KeptPages

KeptPages._keep = lambda *_page: None  # type: ignore[method-assign]

from app import app  # noqa: E402

__all__ = ["app"]
