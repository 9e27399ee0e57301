"""Bring a list in, look at it before it is written, take everything out."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

from flask import Blueprint, Response, current_app, g, make_response, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wsgi import wrap_file

from khata.core.db import after_commit, begin_snapshot, rollback
from khata.core.forms import Form
from khata.core.ids import new_id
from khata.errors import Conflict, Invalid
from khata.imports import actions, archive, exports, forms, queries
from khata.imports.columns import FIELDS, is_header
from khata.imports.drafts import chunks, terms_of
from khata.imports.matching import Matcher
from khata.imports.models import CSV, FORMATS, NEW, QUEUED, WRITING
from khata.imports.readers import Dialect, Row, dialect_of, open_text, rows_of
from khata.web import locale
from khata.web.auth import allow, takes, while_closing
from khata.web.locale import shop_today
from khata.web.pages import refused, see_other
from khata.web.turns import takes_long
from khata.web.uploads import photo_store
from tasks import imports as tasks

blueprint = Blueprint("imports", __name__)

MAX_REQUEST_BYTES = 32 * 1024 * 1024  # a larger file than is taken is still read, so that it can be said why not
SAMPLE_ROWS = 5
LOOK_AGAIN_SECONDS = 3


@blueprint.get("/imports/new")
@allow("import")
def new() -> Response:
    """Choose a file."""
    return make_response(render_template("imports/new.html", form=Form()))


@blueprint.post("/imports")
@allow("import")
@takes(MAX_REQUEST_BYTES)
@takes_long
def take_in() -> Response:
    """Keep the file, and show what would become of it."""
    form = Form(request.form)
    chosen = form.choice("format", FORMATS, CSV)
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        form.errors["file"] = gettext("Choose a file.")
        return refused("imports/new.html", form)
    try:
        form.require_valid()
        import_id = new_id()
        actions.take_in(g.actor, import_id, tasks.store(), upload.stream, upload.filename, chosen, locale.lang())
    except Invalid as wrong:
        if form.is_valid:
            form.errors["file"] = wrong.message
        return refused("imports/new.html", form)
    return see_other(url_for("imports.show", import_id=import_id))


@blueprint.get("/imports/<uuid:import_id>")
@allow("import")
@takes_long
def show(import_id: UUID) -> Response:
    """What would become of the file or, once it is written, what became of it."""
    row = queries.get_import(g.shop.id, import_id)
    if row.status != NEW:
        response = make_response(render_template("imports/done.html", imported=row, refused=row.refused))
        if row.status in (QUEUED, WRITING):
            response.headers["Refresh"] = str(LOOK_AGAIN_SECONDS)  # the one way to follow it without script
        return response
    return make_response(render_template("imports/preview.html", form=Form(), **_preview(row, row.mapping)))


@blueprint.post("/imports/<uuid:import_id>/mapping")
@allow("import")
@takes_long
def set_mapping(import_id: UUID) -> Response:
    """Say which column is what."""
    row = queries.get_import(g.shop.id, import_id)
    form, mapping = Form(request.form), row.mapping
    try:
        mapping = forms.read_mapping(form)
        actions.set_mapping(g.shop.id, import_id, mapping, _width(row))
    except Conflict:
        return see_other(url_for("imports.show", import_id=import_id))
    except Invalid as wrong:
        form.errors["mapping"] = wrong.message
        return refused("imports/preview.html", form, **_preview(row, mapping, row.mapping))
    return see_other(url_for("imports.show", import_id=import_id))


@blueprint.post("/imports/<uuid:import_id>/rows")
@allow("import")
def write(import_id: UUID) -> Response:
    """Write the lines: a short list now, a long one by the worker."""
    row = queries.get_import(g.shop.id, import_id)
    if actions.confirm(g.shop.id, import_id, again=Form(request.form).flag("again")):
        only = _only_chunk(row) if row.status == NEW else None
        if only is None:
            after_commit(lambda: tasks.write_import(g.shop.id, import_id))
        else:
            _write_now(import_id, only)
    return see_other(url_for("imports.show", import_id=import_id))


def _only_chunk(row: Any) -> list[Any] | None:
    """The lines of a file that fits in one chunk; None for a longer one."""
    lines = _chunks(row, row.mapping)
    first = next(lines, [])
    return first if next(lines, None) is None else None


def _write_now(import_id: UUID, chunk: list[Any]) -> None:
    row = actions.claim(g.shop.id, import_id)
    if row is None:
        return
    matcher = Matcher(g.shop.id, salt=import_id.hex if row.again else "")
    outcome = actions.write_chunk(g.actor, matcher, chunk, terms_of(g.shop).today)
    actions.advance(g.shop.id, import_id, 0, outcome)
    actions.finish(g.shop.id, import_id)


def _chunks(row: Any, mapping: dict[str, int]) -> Iterator[list[Any]]:
    path = tasks.store().path(row.shop_id, row.id)
    return chunks(path, row.format, row.encoding, mapping, terms_of(g.shop))


def _preview(row: Any, mapping: dict[str, int], counted_by: dict[str, int] | None = None) -> dict[str, Any]:
    """What the preview shows: the columns as `mapping` has them, counts by `counted_by` where that differs."""
    counts = queries.preview(g.shop.id, _chunks(row, mapping if counted_by is None else counted_by))
    columns, sample = _sample(row) if row.format == CSV else ([], [])
    return {
        "imported": row,
        "columns": columns,
        "sample": sample,
        "fields": FIELDS,
        "mapping": mapping,
        **counts._asdict(),
    }


def _dialect(row: Any) -> Dialect:
    return dialect_of(tasks.store().path(row.shop_id, row.id), row.encoding)


def _width(row: Any) -> int:
    return len(_sample(row)[0]) if row.format == CSV else 0


def _sample(row: Any) -> tuple[list[str], list[list[str]]]:
    """Names of the columns and the first rows, cut to what fits on a screen."""
    dialect = _dialect(row)
    rows: list[list[str]] = []
    with open_text(tasks.store().path(row.shop_id, row.id), row.encoding) as file:
        for each in rows_of(file, dialect):
            if isinstance(each, Row):
                rows.append([cell[:60] for cell in each.cells])
            if len(rows) > SAMPLE_ROWS:
                break
    width = max((len(cells) for cells in rows), default=0)
    named = rows.pop(0) if is_header(dialect.first, dialect.second) else []
    names = [*named, *[""] * (width - len(named))]
    columns = [name.strip() or gettext("Column %(number)s", number=at) for at, name in enumerate(names, 1)]
    return columns, rows[:SAMPLE_ROWS]


# --- Taking out ---


@blueprint.get("/exports")
@while_closing
@allow("export")
def export() -> Response:
    """What can be taken out."""
    return make_response(render_template("imports/export.html", form=Form()))


@blueprint.post("/exports")
@while_closing
@allow("export")
def take_out() -> Response:
    """Write down what is taken out, by whom and where; then lead to the file.

    The file has an address of its own, because what downloads it on a cheap phone asks for it again, and only by GET.
    """
    form = Form(request.form)
    chosen = form.choice("file", WRITERS)
    if not form.is_valid:
        return refused("imports/export.html", form)
    export_id = actions.note_taking_out(g.actor, chosen)
    return see_other(url_for("imports.exported", export_id=export_id))


@blueprint.get("/exports/<uuid:export_id>")
@while_closing
@allow("export")
@takes_long
def exported(export_id: UUID) -> Response:
    """The file that was asked for a moment ago."""
    name = queries.taken_out(g.shop.id, export_id, g.actor)
    file = _written(name)
    response = Response(wrap_file(request.environ, file), mimetype=WRITERS[name].mimetype, direct_passthrough=True)
    response.content_length = os.fstat(file.fileno()).st_size
    dated = f"{g.shop.name} {shop_today().isoformat()}.zip" if name == "shop.zip" else name
    response.headers.set("Content-Disposition", "attachment", **_names(dated))
    return response


def _names(name: str) -> dict[str, str]:
    """The file's name as the header spells it, for browsers that know more letters than ASCII and for the others."""
    clean = _one_blank(re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]', " ", name))
    plain = _one_blank(clean.encode("ascii", "ignore").decode())
    return (
        {"filename": plain} if plain == clean else {"filename": f"shop {plain}", "filename*": f"UTF-8''{quote(clean)}"}
    )


def _one_blank(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" .")


def _written(name: str) -> IO[bytes]:
    """The whole file, ready to be sent; the database is left before that. It has no name on the disk, so it is gone
    once nobody reads it, whatever happens to the phone or to this process."""
    file = tempfile.TemporaryFile(dir=current_app.config["KHATA"].data_dir)  # noqa: SIM115  it is sent later
    try:
        begin_snapshot()
        WRITERS[name].write(file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    finally:
        rollback()
    return file


class Writer(NamedTuple):
    """How a file is made."""

    mimetype: str
    write: Callable[[IO[bytes]], None]


def _parts(make: Callable[[], Iterator[str]]) -> Callable[[IO[bytes]], None]:
    def write(file: IO[bytes]) -> None:
        for part in make():
            file.write(part.encode())

    return write


WRITERS = {
    "parties.csv": Writer("text/csv", _parts(lambda: exports.parties_csv(g.shop.id, g.shop.currency))),
    "entries.csv": Writer("text/csv", _parts(lambda: exports.entries_csv(g.shop.id, g.shop.currency))),
    "cash.csv": Writer("text/csv", _parts(lambda: exports.cash_csv(g.shop.id, g.shop.currency))),
    "shop.json": Writer("application/json", _parts(lambda: exports.shop_json(g.shop))),
    "shop.zip": Writer("application/zip", lambda file: archive.write_zip(file, g.shop, photo_store())),
}
