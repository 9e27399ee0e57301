"""What a form carries: the raw text as typed, what was made of it, and one sentence a field where it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.core.ids import parse_id
from khata.core.names import clean_name, clean_note
from khata.errors import Invalid

EARLIEST_YEAR = 1900


class Form:
    """Typed text in `values`, sentences in `errors`. Readers give what was made of a field, None where it is wrong."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values: dict[str, str] = dict(values or {})
        self.errors: dict[str, Any] = {}
        self.conflict: dict[str, Any] | None = None  # another row that stands in the way

    def value(self, name: str, default: str = "") -> str:
        """What was typed into `name`."""
        return self.values.get(name, default)

    def error(self, name: str) -> Any:
        """The sentence at `name`, or an empty one."""
        return self.errors.get(name, "")

    @property
    def is_valid(self) -> bool:
        """True where nothing is wrong so far."""
        return not self.errors

    def read(self, name: str, parse: Callable[[str], Any]) -> Any:
        """`parse` the text of `name`; its Invalid becomes the field's sentence."""
        try:
            return parse(self.value(name))
        except Invalid as wrong:
            self.errors[name] = wrong.message
            return None

    def optional(self, name: str, parse: Callable[[str], Any]) -> Any:
        """As `read`; None without a complaint where nothing was typed."""
        return self.read(name, parse) if self.value(name).strip() else None

    def name(self, field: str = "name", max_length: int = 80) -> str:
        """A required name of at most `max_length` characters."""
        return self.read(field, lambda text: clean_name(text, max_length)) or ""

    def note(self, field: str = "note", max_length: int = 500) -> str:
        """An optional text of at most `max_length` characters."""
        return self.read(field, lambda text: clean_note(text, max_length)) or ""

    def id(self) -> UUID:
        """The id the form carries, or a fresh one; raises Invalid: nobody types it, so no field could say it."""
        return parse_id(self.value("id"))

    def choice(self, field: str, allowed: Any, default: str = "") -> str:
        """One of `allowed`; `default` where nothing was chosen."""
        text = self.value(field) or default
        if text not in allowed:
            self.errors[field] = _("Choose one of these.")
        return text

    def flag(self, field: str) -> bool:
        """True where the box is ticked."""
        return self.value(field) not in ("", "0", "off", "false")

    def require_valid(self) -> None:
        """Raise RefusedForm, which carries this form, where anything is wrong."""
        if self.errors:
            raise RefusedForm(self)


class RefusedForm(Invalid):
    """A form with at least one sentence in `form.errors`: shown again as it was typed."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form


def parse_day(text: str) -> date:
    """A date typed or picked as YYYY-MM-DD; raises Invalid where there is no such day."""
    try:
        day = date.fromisoformat(latin_digits(text.strip()))
    except ValueError:
        raise Invalid(_("There is no such date. Write it as 2026-12-31."), "no_such_date") from None
    if day.year < EARLIEST_YEAR:
        raise Invalid(_("This date is too long ago."), "date_too_early")
    return day


def parse_past_day(text: str, today: date) -> date:
    """A day up to tomorrow (phones' clocks differ): entries are about what has happened. Empty means `today`."""
    if not text.strip():
        return today
    day = parse_day(text)
    if day > today + timedelta(days=1):
        raise Invalid(_("This date is in the future."), "date_in_future")
    return day


def parse_coming_day(text: str, today: date) -> date:
    """A day on which something falls due: at most ten years ahead."""
    day = parse_day(text)
    if day > today + timedelta(days=3660):
        raise Invalid(_("This date is too far ahead."), "date_too_late")
    return day


def parse_promised_day(text: str, today: date) -> date:
    """A day on which somebody will pay: today at the earliest, at most ten years ahead."""
    day = parse_coming_day(text, today)
    if day < today:
        raise Invalid(_("This day has passed. Choose today or a later one."), "date_has_passed")
    return day


def latin_digits(text: str) -> str:
    """`text` with Western digits for those of any script."""
    return "".join(str(int(char)) if char.isdecimal() else char for char in text)
