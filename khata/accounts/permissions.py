"""Who may do what: the one table of roles and permissions."""

from __future__ import annotations

import json
from functools import lru_cache

from flask_babel import lazy_gettext as _

PERMISSIONS = {
    "see_parties": _("See customers"),
    "see_balances": _("See what customers owe, and all their entries"),
    "see_reports": _("See statements"),
    "see_totals": _("See the shop's totals"),
    "record": _("Write entries"),
    "edit_own_today": _("Change own entries of today"),
    "edit_entries": _("Change all entries"),
    "delete_entries": _("Delete entries"),
    "edit_parties": _("Add and change customers"),
    "keep_cash_book": _("Keep the cash book"),
    "remind": _("Send reminders and links to pay"),
    "see_day_book": _("See the day book"),
    "import": _("Bring in lists"),
    "export": _("Take out the ledger"),
    "settings": _("Change the shop"),
    "members": _("Manage members"),
}

ROLES: dict[str, frozenset[str]] = {
    "owner": frozenset(PERMISSIONS),
    "manager": frozenset(PERMISSIONS) - {"settings", "members", "export"},
    "cashier": frozenset(
        {"see_parties", "see_balances", "see_reports", "record", "edit_own_today", "edit_parties", "keep_cash_book"}
    ),
    "accountant": frozenset({"see_parties", "see_balances", "see_reports", "see_totals", "see_day_book", "export"}),
}

# What says nothing, or too much, without another one: it is off where that is off.
NEEDS = (
    ("see_balances", "see_parties"),
    ("see_reports", "see_balances"),
    ("see_day_book", "see_balances"),
    ("remind", "see_balances"),
    ("export", "see_balances"),
)

# What nobody does in a shop that waits to be deleted. The cash book is missing: with its permission it is read, too.
WRITING = frozenset({"record", "edit_own_today", "edit_entries", "delete_entries", "edit_parties", "remind", "import"})

ROLE_LABELS = {
    "owner": _("Owner"),
    "manager": _("Manager"),
    "cashier": _("Cashier"),
    "accountant": _("Accountant"),
}


@lru_cache
def granted(role: str, switches: str) -> frozenset[str]:
    """What a member of `role` may do; `switches` (JSON: permission to on or off) says where it differs."""
    differing: dict[str, bool] = json.loads(switches) if switches else {}
    on = {name for name, is_on in differing.items() if is_on}
    given = (ROLES.get(role, frozenset()) | on) & frozenset(PERMISSIONS) - (differing.keys() - on)
    for permission, needed in NEEDS:
        if needed not in given:
            given -= {permission}
    return given


def switches_for(role: str, wanted: set[str]) -> str:
    """How `wanted` differs from what `role` may do, as `granted` reads it."""
    differing = {name: name in wanted for name in sorted(ROLES[role] ^ wanted) if name in PERMISSIONS}
    return json.dumps(differing) if differing else ""
