"""Members to hire."""

from tests.accounts.conftest import hire

__all__ = ["hire"]
