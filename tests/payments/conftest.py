"""Members to hire, a provider on this machine, and a link to ask it for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from khata.payments.gateways.contract import LinkRequest
from tests.accounts.conftest import hire
from tests.payments.provider import Provider, running

__all__ = ["hire"]

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as one:
        yield one


@pytest.fixture
def link_request() -> Callable[..., LinkRequest]:
    def make(**changes: Any) -> LinkRequest:
        request = LinkRequest(
            reference="ref-0001",
            amount_minor=45000,
            currency="INR",
            description="Asha Store",
            customer_name="रमेश कुमार",
            customer_phone="+919876543210",
            accepts_partial=True,
            expires_at=None,
            return_url="https://khata.example/pay/abc",
            idempotency_key="key-0001-abcdef",
        )
        return request._replace(**changes)

    return make
