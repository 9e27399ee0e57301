"""What an amount is at a gateway, which may count decimals otherwise than CLDR and so otherwise than we do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from khata.core.money import MAX_AMOUNT_MINOR, exponent
from khata.payments.gateways.contract import GatewayError, Unreadable

TWO = 2


def to_gateway(amount_minor: int, currency: str, decimals: Mapping[str, int]) -> int:
    """`amount_minor` in the gateway's unit; raises GatewayError where that would not be the same amount.

    `decimals` names the currencies with other than two decimals at the gateway. Of three decimals the last must be 0:
    card networks know two.
    """
    check_amount(amount_minor)
    theirs = decimals_of(currency, decimals)
    scaled, rest = divmod(amount_minor * _unit(theirs), _unit(exponent(currency)))
    if rest or (theirs == 3 and scaled % 10):
        raise GatewayError(f"the gateway can't take this amount in {currency}", is_permanent=True, code="amount")
    return scaled


def from_gateway(amount: Any, currency: str, decimals: Mapping[str, int]) -> int:
    """The gateway's `amount` in our minor unit; raises Unreadable for what is not whole."""
    whole = whole_amount(amount)
    try:
        theirs = decimals_of(currency, decimals)
    except GatewayError as error:
        raise Unreadable(str(error)) from None
    amount_minor, rest = divmod(whole * _unit(exponent(currency)), _unit(theirs))
    if rest:
        raise Unreadable(f"the gateway's amount is finer than {currency} is kept")
    return amount_minor


def check_amount(amount_minor: int) -> None:
    """Raise GatewayError unless `amount_minor` is an amount: whole, above zero, and no larger than the ledger takes."""
    if type(amount_minor) is not int or not 0 < amount_minor <= MAX_AMOUNT_MINOR:
        raise GatewayError("the amount can't be taken", is_permanent=True, code="amount")


def whole_amount(amount: Any) -> int:
    """`amount` as a gateway sent it; raises Unreadable for a fraction, a text, and what is below zero."""
    if type(amount) is not int or amount < 0:
        raise Unreadable("the gateway's amount is not a whole number")
    return amount


def is_taken(currency: str, decimals: Mapping[str, int]) -> bool:
    """True where the gateway is known to take the currency."""
    try:
        decimals_of(currency, decimals)
    except GatewayError:
        return False
    return True


def decimals_of(currency: str, decimals: Mapping[str, int]) -> int:
    """How many decimals the gateway counts in; raises GatewayError for a currency that it is not known to take."""
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise GatewayError("the gateway names no currency", is_permanent=True, code="currency")
    theirs = decimals.get(currency, TWO)
    # With three decimals or more by CLDR and none of the gateway's list, nobody has said how the gateway would count.
    if theirs < 0 or (exponent(currency) > TWO and currency not in decimals):
        raise GatewayError(f"the gateway does not take {currency}", is_permanent=True, code="currency")
    return theirs


def _unit(decimals: int) -> int:
    # 10**decimals is no int to a type checker, which thinks of decimals below zero.
    return int("1" + "0" * decimals)
