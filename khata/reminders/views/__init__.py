"""Pages of the room."""

from khata.reminders.views import one
from khata.reminders.views.blueprint import blueprint

__all__ = ["blueprint", "one"]
