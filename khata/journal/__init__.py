"""The shop's day book: one append-only, hash-chained line for everything that happens."""
