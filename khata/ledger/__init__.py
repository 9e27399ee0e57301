"""Entries, balances, statements and the cash book."""
