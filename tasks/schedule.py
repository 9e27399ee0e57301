"""Every periodic task, in one table."""

from __future__ import annotations

from collections.abc import Callable

from huey import crontab

from khata.accounts.codes import forget_old_codes
from khata.core import clock
from khata.core.db import transaction
from tasks import due, huey, imports, in_app, messages, payments, privacy, reminders

WORKER_SEEN = "worker_seen"


def see_worker() -> None:
    """Say that a worker is alive: /readyz reads it."""
    huey.storage.put_data(WORKER_SEEN, str(clock.milliseconds(clock.now())).encode())


def worker_seen_seconds_ago() -> float | None:
    """How long ago a worker was alive; None where none ever was. Raises what the queue's storage raises."""
    seen = huey.storage.peek_data(WORKER_SEEN)
    if not isinstance(seen, bytes | bytearray | memoryview):
        return None
    return (clock.milliseconds(clock.now()) - int(bytes(seen))) / 1000


def sweep_messages() -> None:
    """Send what was missed."""
    messages.sweep()


def sweep_imports() -> None:
    """Go on with imports that a dead worker left behind."""
    imports.sweep()


def sweep_payments() -> None:
    """Go on with requests to pay whose making was interrupted."""
    payments.sweep()


def reconcile_payments() -> None:
    """Ask the gateways what their webhooks missed."""
    payments.reconcile()


def run_rules() -> None:
    """Queue what shops' rules ask for."""
    reminders.run_rules()


def charge_interest() -> None:
    """Interest of instalments, when a shop's day has begun: shops lie in all time zones, so each hour."""
    due.charge_interest()


def tell_payments() -> None:
    """What shops have to pay today."""
    due.tell_payments()


def forget_codes() -> None:
    """Sign-in codes of last week."""
    with transaction():
        forget_old_codes()


def erase_due() -> None:
    """Shops and accounts whose time is over."""
    privacy.erase_due()


def forget_old() -> None:
    """Messages and files that were kept long enough."""
    privacy.forget_old()


SCHEDULE: tuple[tuple[str, Callable[[], None], Callable[..., bool]], ...] = (
    ("see_worker", see_worker, crontab(minute="*")),
    ("sweep_messages", sweep_messages, crontab(minute="*")),
    ("run_rules", run_rules, crontab(minute="*")),
    ("sweep_imports", sweep_imports, crontab(minute="*")),
    ("sweep_payments", sweep_payments, crontab(minute="*")),
    ("reconcile_payments", reconcile_payments, crontab(hour="4", minute="7")),
    ("charge_interest", charge_interest, crontab(minute="7")),
    ("tell_payments", tell_payments, crontab(minute="12")),
    ("forget_codes", forget_codes, crontab(hour="3", minute="17")),
    ("forget_old", forget_old, crontab(hour="3", minute="27")),
    ("erase_due", erase_due, crontab(minute="41")),
)

for name, function, when in SCHEDULE:
    huey.periodic_task(when, name=name)(in_app(function))

huey.on_startup()(see_worker)
