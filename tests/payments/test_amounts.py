"""Amounts survive the way to a gateway and back, in every currency that is known."""

from __future__ import annotations

import re
from typing import Any

import pytest
from babel.numbers import list_currencies
from hypothesis import given
from hypothesis import strategies as st

from khata.core.money import MAX_AMOUNT_MINOR, exponent
from khata.payments.gateways import razorpay_links, stripe_checkout
from khata.payments.gateways.amounts import from_gateway, to_gateway
from khata.payments.gateways.contract import GatewayError, Unreadable

CURRENCIES = sorted(code for code in list_currencies() if re.fullmatch("[A-Z]{3}", code))
TABLES = [razorpay_links.DECIMALS, stripe_checkout.DECIMALS]
amounts = st.integers(1, MAX_AMOUNT_MINOR) | st.integers(1, 100_000)


@pytest.mark.parametrize("decimals", TABLES, ids=["razorpay", "stripe"])
@given(currency=st.sampled_from(CURRENCIES), amount_minor=amounts)
def test_there_and_back(decimals: dict[str, int], currency: str, amount_minor: int) -> None:
    theirs = decimals.get(currency, 2)
    if theirs < 0 or (theirs == 3 and amount_minor % 10) or (currency not in decimals and exponent(currency) > 2):
        with pytest.raises(GatewayError):
            to_gateway(amount_minor, currency, decimals)
        return
    there = to_gateway(amount_minor, currency, decimals)
    assert type(there) is int
    assert from_gateway(there, currency, decimals) == amount_minor
    # The same amount of money: n units with their decimals are m units with ours.
    assert there * 10 ** exponent(currency) == amount_minor * 10 ** decimals.get(currency, 2)


@pytest.mark.parametrize("decimals", TABLES, ids=["razorpay", "stripe"])
@given(currency=st.sampled_from(CURRENCIES), amount=st.integers(0, 10**16))
def test_back_and_there(decimals: dict[str, int], currency: str, amount: int) -> None:
    """What a gateway says is read exactly or not at all."""
    try:
        amount_minor = from_gateway(amount, currency, decimals)
    except Unreadable:
        return
    assert amount_minor * 10 ** decimals.get(currency, 2) == amount * 10 ** exponent(currency)


def test_at_razorpay_our_unit_is_theirs() -> None:
    """What `refund` relies on: it knows no currency."""
    taken = [code for code in CURRENCIES if razorpay_links.DECIMALS.get(code, 2) >= 0]
    assert {to_gateway(1230, code, razorpay_links.DECIMALS) for code in taken} == {1230}
    assert {"INR", "USD", "KWD", "JPY", "KRW", "NPR"} < set(taken)
    assert not {"LAK", "RSD", "ALL", "CLF", "LYD"} & set(taken)


@given(amount=st.floats() | st.text() | st.none() | st.booleans() | st.integers(max_value=-1))
def test_only_whole_numbers(amount: Any) -> None:
    with pytest.raises(Unreadable):
        from_gateway(amount, "INR", {})


@given(currency=st.text(max_size=4))
def test_only_currencies(currency: str) -> None:
    if not re.fullmatch("[A-Z]{3}", currency):
        with pytest.raises(GatewayError):
            to_gateway(1, currency, {})
        with pytest.raises(Unreadable):
            from_gateway(1, currency, {})
