"""Lists a new shop chooses from."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

CATEGORIES = (
    ("grocery", _("Grocery")),
    ("mobile", _("Mobile recharge")),
    ("restaurant", _("Restaurant, tea")),
    ("clothes", _("Clothes")),
    ("medicine", _("Medicine")),
    ("hardware", _("Hardware")),
    ("milk", _("Milk, dairy")),
    ("vegetables", _("Vegetables, fruit")),
    ("electronics", _("Electronics")),
    ("tailor", _("Tailor")),
    ("services", _("Services")),
    ("other", _("Other")),
)

CATEGORY_CODES = frozenset(code for code, _label in CATEGORIES)
