"""Composition root: what the web server, the worker and `flask --app app` load."""

from khata import create_app
from tasks import huey, schedule

__all__ = ["app", "huey", "schedule"]

app = create_app()
