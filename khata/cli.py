"""Commands: `flask --app app …`."""

from __future__ import annotations

import json
import sys

import click
from flask import Flask
from flask.cli import with_appcontext

from khata.accounts import sessions
from khata.accounts.queries import all_shops
from khata.core import clock
from khata.core.db import transaction
from khata.imports.commands import import_file
from khata.ledger.verification import differences
from khata.messages.queries import count_by_state
from khata.privacy.queries import due_shops
from khata.reminders.verification import differences as of_plans


def init_app(app: Flask) -> None:
    """Add the commands."""
    for command in (verify, worker, demo, import_file, sign_out, messages):
        app.cli.add_command(command)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON object.")
def verify(as_json: bool) -> None:
    """Prove that all balances and the journal agree."""
    due = set(due_shops(clock.now()))  # what is being erased has lost some of its rows
    shops = [shop for shop in all_shops() if shop.id not in due]
    found = [
        (shop.id.hex, difference)
        for shop in shops
        for difference in (*differences(shop.id, shop.currency), *of_plans(shop.id))
    ]
    verdict = f"{len(shops)} shops: " + (f"{len(found)} differences" if found else "balances and journal agree")
    if as_json:
        listed = [{"shop": shop, "difference": difference} for shop, difference in found]
        click.echo(json.dumps({"ok": not found, "shops": len(shops), "differences": listed}))
    else:
        for shop, difference in found:
            click.echo(f"shop {shop}: {difference}")
        click.echo(verdict)
    sys.exit(1 if found else 0)


@click.command()
@click.option("--threads", default=2, show_default=True, help="How many tasks at a time.")
def worker(threads: int) -> None:
    """Run queued and periodic tasks until told to stop; a running task is finished first."""
    from tasks import huey

    consumer = huey.create_consumer(workers=threads, periodic=True, max_delay=1, graceful_signal="TERM")
    consumer.run()


@click.command()
@click.option("--drain", is_flag=True, help="First send, once, what is due.")
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON object.")
@with_appcontext
def messages(drain: bool, as_json: bool) -> None:
    """How many messages there are in each state, of all shops and of Khata itself."""
    from tasks import messages as sending

    tried = sending.drain() if drain else 0
    counted = count_by_state()
    if as_json:
        click.echo(json.dumps({"tried": tried, "states": counted}))
        return
    for state, count in counted.items():
        click.echo(f"{state}: {count}")
    click.echo(f"{sum(counted.values())} messages" + (f", {tried} tried just now" if drain else ""))


@click.command("sign-out")
@with_appcontext
@click.option("--phone", help="Of the person with this number.")
@click.option("--all", "everybody", is_flag=True, help="Of everybody, for instance after a leak.")
def sign_out(phone: str | None, everybody: bool) -> None:
    """End sessions, for who runs the installation."""
    if (phone is None) != everybody:
        raise click.UsageError("Say either --phone or --all.")
    with transaction():
        ended = sessions.end_sessions_of(phone)
    click.echo(f"{ended} sessions ended")


@click.command()
@click.option("--phone", default="+919876543210", show_default=True, help="The owner's number.")
@click.option("--lang", default="en", show_default=True, help="The owner's language.")
def demo(phone: str, lang: str) -> None:
    """Make a shop with customers and entries to look at."""
    from khata.demo import make_demo

    shop = make_demo(phone, lang)
    click.echo(f"“{shop}” is ready. Sign in with {phone}: the code appears where the worker runs, and in outbox.jsonl.")
