"""A debt in parts, days that come again, and interest: against a model that knows only fractions."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khata.core.days import day_after, month_end
from khata.errors import Invalid
from khata.reminders.due_forms import parse_count, parse_percent
from khata.reminders.interest import charge_minor
from khata.reminders.splitting import MOST, Part, TooManyParts, meet, parts_of, split

COUNTS = st.integers(2, MOST)
UNITS = st.sampled_from([1, 100, 1000])


@given(st.integers(1, 10**13), COUNTS, UNITS)
def test_parts_add_up(total: int, count: int, unit: int) -> None:
    if total < count:
        with pytest.raises(TooManyParts):
            split(total, count, unit)
        return
    amounts = split(total, count, unit)
    assert len(amounts) == count
    assert sum(amounts) == total
    assert min(amounts) > 0
    whole = unit if total // unit >= count else 1
    assert all(amount % whole == 0 for amount in amounts[:-1])
    assert max(amounts) - min(amounts) <= whole + total % whole
    for amount in amounts:  # none is further from its fair share than a unit and the odd pence
        assert abs(amount - Fraction(total, count)) <= whole + total % whole


@pytest.mark.parametrize(
    ("total", "count", "unit", "amounts"),
    [
        (100_000, 3, 100, [33_400, 33_300, 33_300]),
        (100_050, 3, 100, [33_400, 33_300, 33_350]),
        (250, 3, 100, [84, 83, 83]),
        (120_000, 12, 100, [10_000] * 12),
        (7, 2, 1, [4, 3]),
    ],
)
def test_parts_by_hand(total: int, count: int, unit: int, amounts: list[int]) -> None:
    assert split(total, count, unit) == amounts


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=60), st.data())
def test_the_oldest_is_met_first(amounts: list[int], data: st.DataObject) -> None:
    paid = data.draw(st.integers(0, sum(amounts) + 100))
    met, left = meet([Part(at, date(2026, 1, 1), amount) for at, amount in enumerate(amounts)], paid)
    assert sum(part.paid_minor for part in met) + left == paid
    for earlier, later in pairwise(met):
        assert later.paid_minor == 0 or earlier.open_minor == 0
    assert left == 0 or not any(part.open_minor for part in met)


def test_months_end_where_they_end() -> None:
    ends = [part.on for part in parts_of(10_000, 5, "month", date(2027, 12, 31), 100)]
    assert ends == [date(2027, 12, 31), date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30)]
    assert month_end(date(2026, 2, 3)) == date(2026, 2, 28)
    assert day_after(date(2024, 2, 29), "year", 1) == date(2025, 2, 28)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(["day", "week", "fortnight", "month", "year"]))
def test_days_come_in_order(first: date, every: str) -> None:
    days = [day_after(first, every, times) for times in range(30)]
    assert days[0] == first
    assert days == sorted(set(days))
    if every in ("month", "year"):
        for day in days:
            assert day.day == first.day or (day.day < first.day and (day + timedelta(days=1)).day == 1)


@given(st.integers(0, 10**13), st.integers(1, 10**6), st.sampled_from(["day", "week", "month", "year"]))
def test_interest_is_exact(base: int, rate: int, unit: str) -> None:
    exact = Fraction(base) * Fraction(rate, 10_000) / 100 / (12 if unit == "year" else 1)
    charged = charge_minor(base, rate, unit)
    assert -Fraction(1, 2) <= exact - charged < Fraction(1, 2)
    assert isinstance(charged, int)


@pytest.mark.parametrize(
    ("typed", "rate"), [("2", 20_000), ("1.5", 15_000), ("0.0001", 1), ("2 %", 20_000), ("१.५", 15_000), ("100", 10**6)]
)
def test_a_rate(typed: str, rate: int) -> None:
    assert parse_percent(typed) == rate


@pytest.mark.parametrize("typed", ["", "0", "-1", "100.1", "1,5", "1.23456", "ten", "1e1", "²", "999999999"])
def test_what_is_no_rate(typed: str) -> None:
    with pytest.raises(Invalid):
        parse_percent(typed)


@pytest.mark.parametrize("typed", ["", "1", "61", "-3", "2.5", "three", "²", "1" * 5000])
def test_what_is_no_number_of_parts(typed: str) -> None:
    with pytest.raises(Invalid):
        parse_count(typed)


def test_a_number_of_parts() -> None:
    assert [parse_count(typed) for typed in ("2", " 12 ", "६०")] == [2, 12, 60]
