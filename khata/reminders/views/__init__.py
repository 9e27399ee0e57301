"""Pages of the room."""

from khata.reminders.views import many, one, rules, stop
from khata.reminders.views.blueprint import blueprint

__all__ = ["blueprint", "many", "one", "rules", "stop"]
