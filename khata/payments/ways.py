"""How a shop is paid: which codes it has, and what stands in each."""

from __future__ import annotations

from typing import Any, NamedTuple

from khata.core import payment_qr
from khata.core.payment_qr import PaymentError
from khata.errors import NotFound

UPI, EMV, PIX, EPC, LINK = "upi", "emv", "pix", "epc", "link"
ADDRESS_OF = {UPI: "upi_address", EMV: "upi_address", PIX: "pix_key", EPC: "iban"}
CITY_UNKNOWN = "NA"  # EMVCo and Pix ask for a city


class Way(NamedTuple):
    """One way to pay: `payload` stands in the code, `address` is what a person types instead."""

    scheme: str
    payload: str
    address: str


def ways(shop: Any, amount_minor: int | None, note: str, link: str) -> list[Way]:
    """The ways that the shop's country and addresses allow, the best first; the plain link is always one."""
    schemes = [scheme for scheme in payment_qr.schemes_for(shop.country, shop.currency) if scheme != LINK]
    found = [way(shop, scheme, amount_minor, note, link) for scheme in [*schemes, LINK] if _has(shop, scheme)]
    return [one for one in found if one is not None]


def _has(shop: Any, scheme: str) -> bool:
    return scheme == LINK or bool(getattr(shop, ADDRESS_OF[scheme]))


def way(shop: Any, scheme: str, amount_minor: int | None, note: str, link: str) -> Way | None:
    """One of them; None where the amount or the shop's name can't stand in such a code. Raises NotFound."""
    if scheme == LINK:
        return Way(LINK, link, link)
    if scheme not in payment_qr.schemes_for(shop.country, shop.currency) or not _has(shop, scheme):
        raise NotFound
    address = getattr(shop, ADDRESS_OF[scheme])
    try:
        return Way(scheme, _payload(shop, scheme, address, amount_minor, note), address)
    except PaymentError:
        return None


def _payload(shop: Any, scheme: str, address: str, amount_minor: int | None, note: str) -> str:
    city = shop.city or CITY_UNKNOWN
    if scheme == UPI:
        return payment_qr.upi_uri(address, shop.name, amount_minor, note)
    if scheme == EMV:
        return payment_qr.emv_upi(address, shop.name, city, amount_minor)
    if scheme == PIX:
        return payment_qr.pix(address, shop.name, city, amount_minor)
    return payment_qr.epc(address, shop.name, amount_minor, note)
