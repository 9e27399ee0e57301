"""Reminding who owes: what is said, by which way, when, and what came of it."""
