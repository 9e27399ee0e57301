"""`flask --app app import`."""

from __future__ import annotations

import click


@click.command("import")
@click.argument("file")
def import_file(file: str) -> None:
    """Bring a file into a shop."""
