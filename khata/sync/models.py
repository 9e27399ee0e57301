"""Operations that were taken."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from khata.core.db import Base, ShopOwned


class Operation(ShopOwned, Base):
    """One thing that a phone wrote and the book has, kept for ever: however often it is sent, it is done once."""

    __tablename__ = "operations"

    seq: Mapped[int]  # the journal's last line when it was done: its own
    digest: Mapped[bytes]
