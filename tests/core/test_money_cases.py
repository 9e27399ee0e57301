"""The phone reads and writes amounts as the server does: both answer the same cases, and any text alike."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.numbers import list_currencies
from hypothesis import example, given, settings
from hypothesis import strategies as st

from khata.core.money import (
    MAX_AMOUNT_MINOR,
    NARROW_SYMBOLS,
    TYPED_MARKS,
    ZEROS,
    MoneyError,
    format_amount,
    notation,
    parse_amount,
)
from khata.web.locale import LANGUAGES
from tests.simulation.test_simulation import node, run

HERE = Path(__file__).resolve().parent
CASES = json.loads((HERE / "money_cases.json").read_text("utf-8"))
CURRENCIES = sorted(list_currencies())

# Lines of JSON in, lines of JSON out: the name of a function, and what it is given.
ANSWERS = """
import { createInterface } from "node:readline";
import * as money from "./static/js/parts/money.js";
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  console.log(JSON.stringify(money[name](...given)));
}
"""

Ask = Callable[..., Any]


def minor_of(typed: str, currency: str) -> int | None:
    """What the server makes of it, None where it refuses."""
    try:
        return parse_amount(typed, currency)
    except MoneyError:
        return None


@pytest.fixture(scope="module")
def phone() -> Iterator[Ask]:
    """Asks a function of money.js, in one node for all."""
    command = [node(), "--input-type=module", "--eval", ANSWERS]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE.parent.parent
    ) as process:
        assert process.stdin
        assert process.stdout

        def ask(*question: Any) -> Any:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


def reads_alike(phone: Ask, typed: str, currency: str) -> None:
    told = notation(currency, "en")
    assert phone("toMinor", typed, told["exponent"], told["marks"]) == minor_of(typed, currency)


def test_the_server_answers_the_cases() -> None:
    for typed, currency, minor in CASES["typed"]:
        assert minor_of(typed, currency) == minor, (typed, currency)
    for minor, name, text in CASES["shown"]:
        assert format_amount(minor, *name.split()) == text, (minor, name)
    for name, told in CASES["notations"].items():
        assert notation(*name.split()) == told, name


def test_the_phone_answers_the_cases() -> None:
    said = run("--test", "--test-reporter=tap", str(HERE / "money.test.mjs"), patience_seconds=120)
    assert said.returncode == 0, said.stdout + said.stderr
    assert int(re.findall(r"(?m)^# pass (\d+)$", said.stdout)[0]) > 5


@pytest.mark.parametrize("lang", [code for code, _name in LANGUAGES])
def test_every_currency_is_written_alike(phone: Ask, lang: str) -> None:
    for currency in CURRENCIES:
        told = notation(currency, lang)
        for minor in (0, 7, 100, -1_234_567, 12_345_600, MAX_AMOUNT_MINOR):
            assert phone("formatMinor", minor, told) == format_amount(minor, currency, lang)


def test_every_mark_is_read_alike(phone: Ask) -> None:
    for currency in CURRENCIES:
        marks = {currency, NARROW_SYMBOLS.get(currency, "Rs"), notation(currency, "en")["prefix"]}
        for mark in marks.union(TYPED_MARKS.get(currency, ())):
            for typed in (f"{mark}1,200", f"1200 {mark.lower()}", f"{mark.title()} 5/-+3"):
                reads_alike(phone, typed, currency)


currencies = st.sampled_from(["INR", "USD", "KRW", "KWD", "PKR", "BDT", "XOF", "UYW"])
amounts = st.integers(-(2**53) + 1, 2**53 - 1) | st.integers(-(10**6), 10**6)


@given(amounts, st.sampled_from(CURRENCIES), st.sampled_from([code for code, _name in LANGUAGES]))
def test_any_amount_is_written_alike(phone: Ask, minor: int, currency: str, lang: str) -> None:
    assert phone("formatMinor", minor, notation(currency, lang)) == format_amount(minor, currency, lang)


# Sums with no slip in them, and sums with one: chance alone hardly ever writes a sum that is taken.
wholes = st.integers(0, 10**7).flatmap(lambda whole: st.sampled_from([f"{whole}", f"{whole}", f"{whole:,}"]))
numbers = wholes | st.builds("{}.{}".format, wholes, st.text("0123456789", max_size=3))
operands = st.builds(str.format, st.sampled_from(["{}", "{}", "{}", " {} ", "{}/-", "Rs {}", "US${}", "{}৳"]), numbers)
signs = st.sampled_from([*"++-*/x×÷−＋", " - "])
sums = st.recursive(
    operands,
    lambda inner: (
        st.builds("{}{}{}".format, inner, signs, inner) | inner.map("({})".format) | inner.map("-({})".format)
    ),
    max_leaves=5,
)
scripts = st.sampled_from(["latn", "latn", "latn", *ZEROS])


def in_script(typed: str, script: str) -> str:
    return typed.translate({0x30 + digit: chr(ZEROS[script] + digit) for digit in range(10)})


def with_slip(typed: str, slip: str, at: int) -> str:
    return typed[:at] + slip + typed[at:]


slips = st.sampled_from([*"०٣५,.()xX+-*/ ₹\u200f\x1f\x85\ufeff\u3000", "/-", "rs", ",000", "00", "."])
typed_texts = (
    st.text("0123456789+-*/().,x ₹०१٣eE٫٬،＋５", max_size=70)
    | st.text(max_size=70)
    | st.builds(in_script, sums, scripts)
    | st.builds(with_slip, st.builds(in_script, sums, scripts), slips, st.integers(0, 60))
)


@given(typed_texts, currencies)
@settings(max_examples=1000)
@example("\x1f5\x85", "INR")
@example("K\u212a5", "MMK")
@example("5 f\u202fcfa", "XOF")
def test_any_text_is_read_alike(phone: Ask, typed: str, currency: str) -> None:
    reads_alike(phone, typed, currency)
