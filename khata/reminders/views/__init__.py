"""Pages of the room."""

from khata.reminders.views import due, instalments, many, one, reports, rules, stop, to_pay
from khata.reminders.views.blueprint import blueprint

__all__ = ["blueprint", "due", "instalments", "many", "one", "reports", "rules", "stop", "to_pay"]
