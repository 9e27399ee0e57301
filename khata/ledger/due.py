"""A due day lives no longer than the debt; where there are instalments, they say the day.

Instalments stand in a room above this one, so they tell here who keeps the day of a party that has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from khata.core.actor import Actor
from khata.parties.due import set_due

Keeper = Callable[[Actor, UUID], None]
_keepers: list[Keeper] = []


def let_keep(keeper: Keeper) -> None:
    """From now on `keeper` sets the day of each party with instalments whenever its balance moves."""
    _keepers[:] = [keeper]


def follow(actor: Actor, party: Any, balance_minor: int) -> None:
    """Let the due day follow a balance that moved from that of `party`, its row of before, to `balance_minor`."""
    if party.has_plan:
        for keep in _keepers:
            keep(actor, party.id)
    elif party.due_on is not None and is_settled(party.balance_minor, balance_minor):
        set_due(actor, party.id, None)


def is_settled(before_minor: int, after_minor: int) -> bool:
    """True where what was open is not any more; an account that had nothing open was not waiting for its due day."""
    return before_minor * after_minor <= 0 and before_minor != 0
