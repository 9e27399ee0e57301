"""Ways to be paid through somebody: one small interface, a module a gateway, chosen by an address with its keys."""

from __future__ import annotations

from collections.abc import Iterable

from khata.core.gateway_urls import parse_gateway_url, refuse_test_gateway
from khata.payments.gateways.contract import Gateway


def from_url(
    url: str, *, public_url: str = "", allow_test: bool = False, timeout: tuple[int, int] | None = None
) -> Gateway:
    """The gateway that `url` names (`core/gateway_urls.py`), of the installation or of one shop; raises ValueError.

    `public_url` is where people reach this installation, `timeout` how many seconds connecting and answering may take.
    """
    found = parse_gateway_url(url)
    refuse_test_gateway(found, public_url, allow_test)
    # The clients are imported where one is used: Stripe's takes a quarter of a second and 10 MB.
    if found.name == "razorpay":
        from khata.payments.gateways.razorpay_links import RazorpayGateway

        return RazorpayGateway(found, timeout)
    if found.name == "stripe":
        from khata.payments.gateways.stripe_checkout import StripeGateway

        return StripeGateway(found, timeout)
    from khata.payments.gateways.trial_links import TrialGateway

    return TrialGateway(found, public_url)


def from_urls(urls: Iterable[str], *, public_url: str = "", allow_test: bool = False) -> dict[str, Gateway]:
    """The gateways that `urls` name, by their names, in order; raises ValueError."""
    gateways = (from_url(url, public_url=public_url, allow_test=allow_test) for url in urls)
    return {gateway.name: gateway for gateway in gateways}
