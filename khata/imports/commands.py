"""`flask --app app import`: the same way in as the page's, from the command line."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from flask_babel import force_locale

from khata.accounts import queries as accounts
from khata.core.actor import Actor
from khata.core.db import in_shop, transaction
from khata.core.ids import new_id
from khata.core.phone import parse_phone
from khata.errors import Invalid
from khata.imports import actions
from khata.imports.models import FORMATS
from tasks import imports as tasks


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--shop-phone", required=True, help="The number that the shop's owner signs in with.")
@click.option("--shop", type=click.UUID, help="Which shop, where that person has several.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("--again", is_flag=True, help="Write entries even where an earlier import has written them.")
def import_file(file: Path, shop_phone: str, shop: UUID | None, form: str, again: bool) -> None:
    """Bring FILE into a shop: says how many lines went in, which were refused and why, and how long it took."""
    with force_locale("en"):
        actor = _actor(shop_phone, shop)
        started = time.monotonic()
        try:
            taken = _bring_in(actor, file, form, again)
        except Invalid as wrong:
            raise click.ClickException(str(wrong.message)) from None
        _report(taken, time.monotonic() - started)


def _actor(phone: str, shop_id: UUID | None) -> Actor:
    try:
        person = accounts.person_by_phone(parse_phone(phone, "IN"))
    except Invalid as wrong:
        raise click.ClickException(str(wrong.message)) from None
    shops = [shop for shop in accounts.shops_of(person.id) if shop_id in (None, shop.id)] if person else []
    if not shops:
        raise click.ClickException(f"{phone} has no such shop. Sign in with this number first.")
    if len(shops) > 1:
        names = ", ".join(f"{shop.name} ({shop.id})" for shop in shops)
        raise click.ClickException(f"{phone} has several shops. Say which with --shop: {names}")
    return Actor(shops[0].id, shops[0].member_id)


def _bring_in(actor: Actor, file: Path, form: str, again: bool) -> Any:
    import_id = new_id()
    with in_shop(actor.shop_id):
        with transaction(), file.open("rb") as upload:
            actions.take_in(actor, import_id, tasks.store(), upload, file.name, form, "en")
            actions.confirm(actor.shop_id, import_id, again=again)
        tasks.write(actor.shop_id, import_id, tell=_tell_refused)
        return actions.queries.get_import(actor.shop_id, import_id)


def _tell_refused(outcome: actions.Outcome) -> None:
    for line, reason, text in outcome.refused:
        click.echo(f"line {line} refused: {reason} [{text}]")


def _report(taken: Any, seconds: float) -> None:
    lines = taken.added_entries + taken.skipped_count + taken.refused_count
    click.echo(f"{taken.added_entries} entries and {taken.added_parties} parties in")
    click.echo(f"{taken.skipped_count} lines were in the ledger already")
    click.echo(f"{taken.refused_count} lines refused")
    click.echo(f"{seconds:.1f} seconds, {lines / max(seconds, 0.001):,.0f} lines a second")
    if taken.status != "done" or not (taken.added_entries or taken.added_parties or taken.skipped_count):
        sys.exit(1)
