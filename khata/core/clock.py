"""The only one who knows the time. Times are UTC; days are the shop's days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """The time zone called `name` (IANA); raises ZoneInfoNotFoundError for none such."""
    return ZoneInfo(name)


def now() -> datetime:
    """This moment in UTC, to the millisecond: as finely as the database keeps it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def today(time_zone: str) -> date:
    """The date it is now in `time_zone`."""
    return local(now(), time_zone).date()


def local(moment: datetime, time_zone: str) -> datetime:
    """`moment` on the clock of `time_zone`."""
    return moment.astimezone(zone(time_zone))


def start_of(day: date, time_zone: str) -> datetime:
    """The moment, in UTC, at which `day` begins in `time_zone`."""
    return moment(day, time(), time_zone)


def moment(day: date, at: time, time_zone: str) -> datetime:
    """The moment, in UTC, at which the clocks of `time_zone` show `at` on `day`."""
    return datetime.combine(day, at, zone(time_zone)).astimezone(UTC)


def milliseconds(moment: datetime) -> int:
    """`moment` as milliseconds since 1970, exactly."""
    delta = moment - EPOCH
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def told(value: object) -> datetime | None:
    """The moment a phone tells of (milliseconds since 1970, as a number or in digits); None where it can't be right.

    A clock may be a little fast, and what was written with no network may come late. It is never a reason to refuse.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if not isinstance(value, int) or not 0 < value < 10**14:
        return None
    moment = EPOCH + timedelta(milliseconds=value)
    return moment if -FAST <= now() - moment <= LATE else None


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAST, LATE = timedelta(minutes=10), timedelta(days=400)
