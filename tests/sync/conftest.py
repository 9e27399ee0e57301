"""The owner's outbox, and members to hire."""

from __future__ import annotations

import pytest

from tests.accounts.conftest import hire
from tests.client import Browser
from tests.sync.outbox import Outbox

__all__ = ["hire"]


@pytest.fixture
def outbox(owner: Browser) -> Outbox:
    """The owner's."""
    return Outbox(owner)
