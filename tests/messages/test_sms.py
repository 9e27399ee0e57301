"""The length of a text as SMS, against a count made another way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khata.messages.sms import BASIC, EXTENSION, GSM_7, UCS_2, SmsLength, parts

GSM_TEXT = st.text(st.sampled_from(sorted(BASIC | EXTENSION)), max_size=700)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", SmsLength(GSM_7, 0, 1)),
        ("a" * 160, SmsLength(GSM_7, 160, 1)),
        ("a" * 161, SmsLength(GSM_7, 161, 2)),
        ("a" * 306, SmsLength(GSM_7, 306, 2)),
        ("a" * 307, SmsLength(GSM_7, 307, 3)),
        ("€" * 80, SmsLength(GSM_7, 160, 1)),
        ("a" * 159 + "€", SmsLength(GSM_7, 161, 2)),
        ("a" * 152 + "€" + "a" * 152, SmsLength(GSM_7, 306, 3)),  # the escape never ends a part
        ("a" * 151 + "€" + "a" * 153, SmsLength(GSM_7, 306, 2)),
        ("क" * 70, SmsLength(UCS_2, 70, 1)),
        ("क" * 71, SmsLength(UCS_2, 71, 2)),
        ("क" * 134, SmsLength(UCS_2, 134, 2)),
        ("क" * 135, SmsLength(UCS_2, 135, 3)),
        ("🙏" * 35, SmsLength(UCS_2, 70, 1)),
        ("🙏" * 66, SmsLength(UCS_2, 132, 2)),  # 33 to a part, as no pair is torn
        ("🙏" * 67, SmsLength(UCS_2, 134, 3)),
        ("क" * 66 + "🙏" + "क" * 66, SmsLength(UCS_2, 134, 3)),
        ("₹120", SmsLength(UCS_2, 4, 1)),  # the rupee sign is not in the alphabet
        ("Rs 120, {3}", SmsLength(GSM_7, 13, 1)),
        ("`", SmsLength(UCS_2, 1, 1)),
        ("ç", SmsLength(UCS_2, 1, 1)),  # small c with cedilla is not in it, the capital is
        ("Ç", SmsLength(GSM_7, 1, 1)),
    ],
)
def test_known_lengths(text: str, length: SmsLength) -> None:
    assert parts(text) == length


def test_the_alphabet_has_its_number_of_letters() -> None:
    assert (len(BASIC), len(EXTENSION)) == (127, 10)
    assert not BASIC & EXTENSION


def cut(units: list[str], room: int) -> list[str]:
    """Fill parts letter by letter; what doesn't fit opens the next."""
    filled = [""]
    for unit in units:
        if len(filled[-1]) + len(unit) > room:
            filled.append("")
        filled[-1] += unit
    return filled


@given(st.text(max_size=400) | GSM_TEXT)
def test_every_part_holds_and_none_is_missing(text: str) -> None:
    length = parts(text)
    is_gsm = set(text) <= BASIC | EXTENSION
    assert length.encoding == (GSM_7 if is_gsm else UCS_2)
    if is_gsm:
        units = ["\x1b" + char if char in EXTENSION else char for char in text]
    else:
        units = ["xx" if len(char.encode("utf-16-le", "surrogatepass")) == 4 else "x" for char in text]
    assert length.characters == len("".join(units))
    alone, room = (160, 153) if is_gsm else (70, 67)
    assert length.parts == (1 if length.characters <= alone else len(cut(units, room)))


@given(GSM_TEXT, st.text(max_size=20))
def test_more_text_never_takes_fewer_parts(text: str, more: str) -> None:
    assert parts(text + more).parts >= parts(text).parts
