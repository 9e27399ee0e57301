"""Pages of the ledger's room."""

from khata.ledger.views import accounts, book, cash_book, entries, share
from khata.ledger.views.blueprint import blueprint

__all__ = ["accounts", "blueprint", "book", "cash_book", "entries", "share"]
