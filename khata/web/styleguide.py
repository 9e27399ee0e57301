"""Every component on one page, for a colleague: in development only (FLASK_DEBUG=1)."""

from __future__ import annotations

from flask import Flask, Response, g, make_response, render_template

from khata.core.forms import Form
from khata.core.ids import new_id
from khata.web.auth import CurrentShop, public


def init_app(app: Flask) -> None:
    """Add the page where the application runs for a developer."""
    if app.debug:
        app.add_url_rule("/styleguide", "styleguide", styleguide)


@public
def styleguide() -> Response:
    """The components, with a field that is wrong."""
    g.shop = CurrentShop(new_id(), "Asha Store", "grocery", "INR", "Asia/Kolkata", "IN", None)
    form = Form({"name": "", "amount": "120+80*2"})
    form.errors["name"] = "Please write a name."
    return make_response(render_template("styleguide/page.html", form=form))
