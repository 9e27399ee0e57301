"""Parse and check what the pages of imports send."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from khata.core.forms import Form
from khata.errors import Invalid
from khata.imports.columns import CODES


def read_mapping(form: Form) -> dict[str, int]:
    """field -> column as chosen in the selects called map_<field>; raises Invalid."""
    chosen = {code: form.value(f"map_{code}").strip() for code in CODES}
    if not all(text == "" or (text.isascii() and text.isdigit() and len(text) < 4) for text in chosen.values()):
        raise Invalid(_("Choose one of the columns."), "no_such_column")
    return {code: int(text) for code, text in sorted(chosen.items()) if text}
