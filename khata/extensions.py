"""Extensions, unbound; `create_app` binds them."""

from __future__ import annotations

from flask_babel import Babel
from flask_migrate import Migrate
from htmx_flask import Htmx

from khata.core.db import db

__all__ = ["babel", "db", "htmx", "migrate"]

babel = Babel()
htmx = Htmx()
migrate = Migrate()
