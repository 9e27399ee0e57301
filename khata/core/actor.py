"""Who does it: stands in every journal line."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Actor(NamedTuple):
    """A member of a shop at a device. The shop of every write is the actor's."""

    shop_id: UUID
    member_id: UUID | None
    device_id: UUID | None = None
    at: datetime | None = None  # when, by the phone's clock
