"""Who may do what: the one table of roles and permissions."""

from __future__ import annotations

PERMISSIONS = frozenset(
    {
        "see_parties",
        "see_totals",
        "see_day_book",
        "record",
        "edit_entries",
        "delete_entries",
        "edit_parties",
        "keep_cash_book",
        "import",
        "export",
        "settings",
    }
)

ROLES: dict[str, frozenset[str]] = {"owner": PERMISSIONS}


def may(role: str, permission: str) -> bool:
    """True where a member of `role` has `permission`."""
    return permission in ROLES.get(role, frozenset())
