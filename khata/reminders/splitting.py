"""A debt in parts, and which of them what was paid meets: whole numbers, no database."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from flask_babel import lazy_gettext as _

from khata.core.days import day_after
from khata.errors import Invalid

FEWEST, MOST = 2, 60


class TooManyParts(Invalid):
    """There is less to pay than parts."""

    code = "too_many_parts"
    message = _("This is too little for so many parts.")


def split(total_minor: int, parts: int, unit_minor: int) -> list[int]:
    """`parts` amounts that add up to `total_minor`, no two whole ones more than `unit_minor` apart.

    Whole units of the currency where there are enough of them: the first parts carry one more, the last one the odd
    pence. Raises TooManyParts.
    """
    if total_minor < parts:
        raise TooManyParts
    units = unit_minor if total_minor // unit_minor >= parts else 1
    each, more = divmod(total_minor // units, parts)
    amounts = [(each + (number < more)) * units for number in range(parts)]
    amounts[-1] += total_minor % units
    return amounts


class Part(NamedTuple):
    """One part: when, how much, and how much of it is paid."""

    number: int
    on: date
    amount_minor: int
    paid_minor: int = 0

    @property
    def open_minor(self) -> int:
        """What is left to pay of it."""
        return self.amount_minor - self.paid_minor


def parts_of(total_minor: int, parts: int, every: str, first_on: date, unit_minor: int) -> list[Part]:
    """The parts with their days; raises TooManyParts."""
    amounts = split(total_minor, parts, unit_minor)
    return [Part(at + 1, day_after(first_on, every, at), amount) for at, amount in enumerate(amounts)]


def meet(parts: list[Part], paid_minor: int) -> tuple[list[Part], int]:
    """The parts with what was paid, the oldest met first, and what is left of it."""
    met = []
    for part in parts:
        paid = min(paid_minor, part.amount_minor)
        met.append(part._replace(paid_minor=paid))
        paid_minor -= paid
    return met, paid_minor
