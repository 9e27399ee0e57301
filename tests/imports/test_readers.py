"""Files as streams of rows: encodings, dialects, limits, cards."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from khata.errors import Invalid
from khata.imports import columns, drafts, readers
from khata.imports.drafts import Draft, Terms
from khata.imports.readers import Refused, Unreadable

DATA = Path(__file__).parents[1] / "data"
TERMS = Terms(UUID(int=7), "INR", "IN", date(2026, 11, 22))
DOLLARS = TERMS._replace(currency="USD", region="US")


def read(path: Path, form: str = "csv", terms: Terms = TERMS, **mapping: int) -> list[Draft | Refused]:
    """Everything in the file, as the importer reads it."""
    encoding = readers.encoding_of(path)
    if form == "csv" and not mapping:
        dialect = readers.dialect_of(path, encoding)
        mapping = columns.proposed(dialect.first, dialect.second)
    return [each for chunk in drafts.chunks(path, form, encoding, mapping, terms) for each in chunk]


def taken(lines: list[Draft | Refused]) -> list[Draft]:
    return [each for each in lines if isinstance(each, Draft)]


def refused(lines: list[Draft | Refused]) -> dict[int, str]:
    return {each.line: str(each.reason) for each in lines if isinstance(each, Refused)}


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: bytes | str) -> Path:
        path = tmp_path / "list.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_reads_a_list_of_customers() -> None:
    lines = read(DATA / "customers.csv")
    ramesh, sita, zoya, formula = taken(lines)
    assert ramesh.party.name == "Ramesh Kumar"
    assert ramesh.party.phone == "+919876500001"
    assert (ramesh.direction, ramesh.amount_minor, ramesh.is_opening) == ("gave", 125050, True)
    assert ramesh.party.address == "Main Road"
    assert (sita.direction, sita.amount_minor) == ("got", 30000)
    assert zoya.direction is None
    assert formula.party.name == "=2+5"
    assert set(refused(lines)) == {6, 7, 8}
    assert "name" in refused(lines)[6].lower()


def test_reads_excels_semicolons_and_hindi() -> None:
    lines = read(DATA / "hindi_excel.csv")
    first, second = taken(lines)
    assert (first.direction, first.amount_minor, first.on, first.note) == ("gave", 20000, date(2024, 11, 5), "चावल")
    assert (second.direction, second.amount_minor, second.on) == ("got", 5000, date(2024, 11, 6))
    assert set(refused(lines)) == {4, 5}


def test_reads_cards_of_all_versions_and_refuses_broken_ones_alone() -> None:
    lines = read(DATA / "contacts.vcf", "vcard")
    found = {each.party.name: each.party.phone for each in taken(lines)}
    assert found == {
        "रमेश": "+919876500001",
        "Kumar, Ram": "+919876500002",
        "Zoya": "+919876500003",
        "Name Only": None,
    }
    assert set(refused(lines)) == {24, 28}
    assert taken(lines)[1].party.address == "Main Road 5, Pune, 411001, India"


def test_reads_purchases() -> None:
    lines = read(DATA / "cdnow_part.txt", "cdnow", DOLLARS)
    assert len(lines) == 273
    assert [each.line for each in lines if isinstance(each, Refused)] == [226, 266]
    assert taken(lines)[0].party.name == "Customer 00004"
    assert taken(lines)[0].on == date(1997, 1, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_reads_encodings(file: Any, encoding: str) -> None:
    lines = read(file("Name,Phone\nरमेश,9876500001\n".encode(encoding)))
    assert [each.party.name for each in taken(lines)] == ["रमेश"]


def test_reads_windows_letters(file: Any) -> None:
    assert taken(read(file("Name\nJosé\n".encode("cp1252"))))[0].party.name == "José"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"PK\x03\x04 something", "excel"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "not_text"),
        ("Name\nराम\n".encode("utf-16-le"), "not_text"),
        (b"\xff\xfeN\0a\0m", "bad_encoding"),
        (b"Name\nJos\x81\n", "bad_encoding"),
        (b",".join([b"a"] * 1_000_000), "line_too_long"),
        (b",".join([b"a"] * 201) + b"\n", "too_wide"),
        (b"a" * 100_000, "line_too_long"),
    ],
)
def test_refuses_what_is_no_list(file: Any, content: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(file(content))
    assert caught.value.code == code


def test_refuses_too_many_rows(file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_ROWS", 10)
    with pytest.raises(Unreadable) as caught:
        read(file("name\n" + "Ram\n" * 12))
    assert caught.value.code == "too_many_rows"


def test_refuses_a_long_line_a_wide_one_and_an_open_quote_alone(file: Any) -> None:
    wide = ",".join(["x"] * 300)
    lines = read(file(f"name,phone\nRam,\n{'y' * 70_000}\n{wide}\nSita,\n"))
    assert [each.party.name for each in taken(lines)] == ["Ram", "Sita"]
    assert list(refused(lines)) == [3, 4]


def test_an_open_quote_ends_with_a_reason(file: Any) -> None:
    lines = read(file('name,note\nRam,"open\n' + "Sita,x\n" * 30_000))
    assert "quotation" in refused(lines)[2]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["Name", "Phone Number", "Balance"], [], {"name": 0, "phone": 1, "balance": 2}),
        (["ग्राहक का नाम", "मोबाइल", "बाकी"], [], {"name": 0, "phone": 1, "balance": 2}),
        (["Date", "Customer", "Debit(-)", "Credit(+)", "Balance"], [], {"date": 0, "name": 1, "gave": 2, "got": 3}),
        (["date", "party", "type", "amount"], [], {"date": 0, "name": 1, "direction": 2, "amount": 3}),
        (["Ramesh", "9876543210"], ["Sita", "9876543211"], {"name": 0, "phone": 1}),
        (["9876543210", "Ramesh"], [], {"phone": 0, "name": 1}),
        (["Kunde", "Telefon"], ["Ramesh", "9876543211"], {"name": 0, "phone": 1}),
    ],
)
def test_guesses_columns(first: list[str], second: list[str], expected: dict[str, int]) -> None:
    assert columns.proposed(first, second) == expected


def test_takes_no_name_for_a_header() -> None:
    assert not columns.is_header(["Ramesh", "Delhi"], ["Sita", "Pune"])
    assert columns.is_header(["Kunde", "Betrag"], ["Sita", "10"])


@pytest.mark.parametrize(
    "text", ["2024-11-05", "05/11/2024", "5-11-2024", "05.11.2024", "20241105", "2024/11/05", "05/11/2024 14:30"]
)
def test_reads_dates(text: str) -> None:
    assert drafts.parse_date(text, TERMS.today) == date(2024, 11, 5)


@pytest.mark.parametrize(
    "text", ["31/02/2024", "2024-13-01", "05/11/24", "0000-01-01", "1850-01-01", "2031-01-01", "x"]
)
def test_refuses_dates(text: str) -> None:
    with pytest.raises(Invalid):
        drafts.parse_date(text, TERMS.today)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"amount": "12.50"}, ("gave", 1250, False)),
        ({"amount": "12.50", "direction": "Cr"}, ("got", 1250, False)),
        ({"gave": "0", "got": "7"}, ("got", 700, False)),
        ({"balance": "(50)"}, ("got", 5000, True)),
        ({"balance": "−50"}, ("got", 5000, True)),
        ({"balance": "₹1,23,456"}, ("gave", 12345600, True)),
        ({"will_get": "", "will_give": "3"}, ("got", 300, True)),
        ({"balance": "0.00"}, (None, 0, False)),
        ({}, (None, 0, False)),
    ],
)
def test_reads_amounts(typed: dict[str, str], expected: Any) -> None:
    assert drafts._money(typed, "INR") == expected


@pytest.mark.parametrize(
    "typed",
    [
        {"amount": "0.00"},
        {"amount": "-5"},
        {"amount": "1e5"},
        {"amount": "NaN"},
        {"amount": "=1+1"},
        {"amount": "1.005"},
        {"amount": "1000000000000000"},
        {"gave": "5", "got": "5"},
        {"gave": "0", "got": "0"},
        {"amount": "5", "direction": "sideways"},
        {"balance": "--5"},
    ],
)
def test_refuses_amounts(typed: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        drafts._money(typed, "INR")


def test_an_entry_line_needs_its_amount(file: Any) -> None:
    lines = read(file("name,date,amount\nRam,2024-11-05,\nSita,,\n"))
    assert list(refused(lines)) == [2]
    assert taken(lines)[0].direction is None


@given(
    st.one_of(st.binary(max_size=300), st.text(alphabet='a,;"\n\r\tनEND:VCARBGI=-1 \x00', max_size=300).map(str.encode))
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("form", ["csv", "vcard", "cdnow"])
def test_no_bytes_break_the_reader(file: Any, form: str, content: bytes) -> None:
    with suppress(Unreadable):
        assert all(each.line > 0 for each in read(file(content), form))
