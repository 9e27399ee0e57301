"""Days that come again: each week, fortnight, month or year from a first one."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

DAY, WEEK, FORTNIGHT, MONTH, YEAR = "day", "week", "fortnight", "month", "year"
_DAYS = {DAY: 1, WEEK: 7, FORTNIGHT: 14}
_MONTHS = {MONTH: 1, YEAR: 12}


def day_after(first: date, every: str, times: int) -> date:
    """The day `times` steps after `first`. Counted from the first each time: 31 Jan, 28 Feb, 31 Mar."""
    if every in _DAYS:
        return first + timedelta(days=_DAYS[every] * times)
    month = first.year * 12 + first.month - 1 + _MONTHS[every] * times
    year, index = divmod(month, 12)
    return date(year, index + 1, min(first.day, calendar.monthrange(year, index + 1)[1]))


def month_end(day: date) -> date:
    """The last day of the month of `day`."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
