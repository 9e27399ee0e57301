"""What the forms of this room carry."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from khata.core.forms import Form
from khata.core.names import clean_name
from khata.errors import Invalid


def require_name_of_shop(form: Form, name: str) -> None:
    """The shop's own name, typed to show that this one is meant; raises RefusedForm."""
    try:
        typed = clean_name(form.value("name"), len(name) + 100)
    except Invalid:
        typed = ""
    if typed.casefold() != clean_name(name, len(name) + 100).casefold():
        form.errors["name"] = _("This is not the shop’s name. Type it as it stands above.")
    form.require_valid()
