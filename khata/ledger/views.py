"""The ledger's pages: home, party, entry, settlement, statement, cash book."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, make_response, render_template, request, url_for
from flask_babel import gettext

from khata.accounts.queries import member_names
from khata.core.forms import Form, parse_day
from khata.core.ids import parse_id
from khata.core.money import to_plain
from khata.core.photos import MAX_REQUEST_BYTES
from khata.errors import Conflict, Forbidden, Invalid, KhataError
from khata.ledger import actions, cash, forms, history, queries
from khata.ledger.actions import AlreadyWritten, Content
from khata.parties import queries as party_queries
from khata.parties.models import KINDS
from khata.web import cookies
from khata.web.auth import allow, may, takes
from khata.web.kept import kept
from khata.web.locale import shop_today
from khata.web.pages import page_or_fragment, refused, see_other, wants_fragment
from khata.web.uploads import read_photo

blueprint = Blueprint("ledger", __name__)


@blueprint.get("/")
@allow("see_parties")
@kept
def home() -> Response:
    """Balances, and the parties in the chosen order."""
    kind = _one_of("kind", KINDS, "customer")
    sort = _one_of("sort", queries.SORTS, request.cookies.get(cookies.SORT, ""))
    sort = sort if sort in queries.SORTS else "activity"
    filter_ = _one_of("filter", queries.FILTERS, "all")
    text = request.args.get("q", "").strip()[:80]
    if text:
        parties, more = party_queries.search(g.shop.id, text, kind), None
    else:
        parties, more = _listed(kind, sort, filter_)
    response = page_or_fragment(
        "ledger/home.html",
        "ledger/_parties.html",
        kind=kind,
        totals=queries.totals(g.shop.id),
        parties=parties,
        sort=sort,
        filter=filter_,
        q=text,
        next_url=more,
        shop_is_empty=not parties and not text and not queries.shop_has_parties(g.shop.id),
    )
    if request.args.get("sort") == sort != request.cookies.get(cookies.SORT):
        cookies.keep(response, cookies.SORT, sort)
    return response


def _one_of(name: str, allowed: Any, default: str) -> str:
    value = request.args.get(name, "")
    return value if value in allowed else default


def _listed(kind: str, sort: str, filter_: str) -> tuple[list[Any], str | None]:
    place = request.args.get("after")
    after = forms.party_cursor(sort, place) if place else None
    parties, more = queries.list_parties(g.shop.id, kind, sort, filter_, shop_today(), after)
    if more is None:
        return parties, None
    shown = {"kind": None if kind == "customer" else kind, "filter": None if filter_ == "all" else filter_}
    return parties, forms.with_query("/", **shown, sort=sort, after=forms.spell_party_cursor(sort, more))


@blueprint.get("/parties/<uuid:party_id>")
@allow("see_parties")
@kept
def party(party_id: UUID) -> Response:
    """A party's balance and entries, and the form to write the next one."""
    row = party_queries.get_party(g.shop.id, party_id)
    if row.merged_into is not None:
        return see_other(url_for("ledger.party", party_id=row.merged_into))
    before = request.args.get("before")
    page = (
        queries.older_entries(g.shop.id, row, forms.entry_cursor(before))
        if before
        else queries.newest_entries(g.shop.id, row)
    )
    return page_or_fragment("ledger/party.html", "ledger/_entries.html", form=Form(), **_book(row, page))


def _book(row: Any, page: queries.EntryPage) -> dict[str, Any]:
    gone = [entry.deleted_by for entry in page.entries if entry.deleted_at is not None]
    names: dict[Any, str] = {**member_names(g.shop.id, gone)} if gone else {}
    older = forms.with_query(f"/parties/{row.id}", before=forms.spell_entry_cursor(page.older)) if page.older else None
    entries = [_Named(entry, names.get(entry.deleted_by, "")) for entry in page.entries] if gone else page.entries
    return {"party": row, "entries": entries, "older_url": older, "folded": page.folded}


class _Named:
    """An entry's line with the name of who deleted it."""

    def __init__(self, entry: queries.EntryLine, deleted_by_name: str) -> None:
        self._entry = entry
        self.deleted_by_name = deleted_by_name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)


@blueprint.post("/parties/<uuid:party_id>/entries")
@allow("record")
@takes(MAX_REQUEST_BYTES)
def record(party_id: UUID) -> Response:
    """Write what was given or got."""
    form = Form(request.form)
    entry_id, content = form.id(), forms.read_entry(form, g.shop.currency, shop_today())
    content = content._replace(photo_id=read_photo(form))
    if not form.is_valid:
        return _refused_entry(party_id, form)
    try:
        actions.record_entry(g.actor, party_id, entry_id, content)
    except AlreadyWritten as conflict:
        return _two_versions(conflict)
    except Invalid as wrong:
        form.errors["amount"] = wrong.message
        return _refused_entry(party_id, form)
    if not wants_fragment():
        return see_other(url_for("ledger.party", party_id=party_id))
    row = party_queries.get_party(g.shop.id, party_id)
    page = queries.newest_entries(g.shop.id, row)
    return make_response(render_template("ledger/entry_recorded.html", form=Form(), **_book(row, page)))


def _refused_entry(party_id: UUID, form: Form) -> Response:
    row = party_queries.get_party(g.shop.id, party_id)
    if wants_fragment():
        return refused("ledger/_entry_form.html", form, party=row)
    return refused("ledger/party.html", form, **_book(row, queries.newest_entries(g.shop.id, row)))


def _two_versions(conflict: AlreadyWritten) -> Response:
    ours = conflict.ours
    shown = {**ours._asdict(), "amount": to_plain(ours.amount_minor, g.shop.currency)}
    theirs = {**conflict.written, "on": date.fromisoformat(conflict.written["on"])}
    row = party_queries.get_party(g.shop.id, conflict.party_id)
    return refused("ledger/entry_conflict.html", Form(), 409, theirs=theirs, ours=shown, party=row)


@blueprint.get("/entries/<uuid:entry_id>")
@allow("see_parties")
def entry(entry_id: UUID) -> Response:
    """An entry, its history, and the form to change it."""
    return make_response(render_template("ledger/entry.html", form=Form(), **_entry_page(entry_id)))


def _entry_page(entry_id: UUID) -> dict[str, Any]:
    row = queries.get_entry(g.shop.id, entry_id)
    party_row = party_queries.get_party(g.shop.id, row.party_id)
    names = member_names(g.shop.id, [row.deleted_by])
    shown = {
        **row._asdict(),
        "party_name": party_row.name,
        "amount": to_plain(row.amount_minor, g.shop.currency),
        "deleted_by_name": names.get(row.deleted_by, ""),
    }
    return {
        "entry": shown,
        "may_change": _may_change(entry_id),
        "party": party_row,
        "versions": history.versions(g.shop.id, entry_id),
    }


def _may_change(entry_id: UUID) -> bool:
    if may("edit_entries"):
        return True
    return may("edit_own_today") and history.is_own_of_today(g.actor, entry_id, g.shop.time_zone)


@blueprint.post("/entries/<uuid:entry_id>")
@allow("record")
@takes(MAX_REQUEST_BYTES)
def edit(entry_id: UUID) -> Response:
    """Write a new version of an entry."""
    row = queries.get_entry(g.shop.id, entry_id)
    if not _may_change(entry_id):
        raise Forbidden
    form = Form({"in_cash": "", **request.form})
    content: Content = forms.read_entry(form, g.shop.currency, shop_today())._replace(photo_id=read_photo(form))
    if form.is_valid:
        try:
            actions.edit_entry(g.actor, entry_id, _version(form), content)
            return see_other(url_for("ledger.party", party_id=row.party_id))
        except (Invalid, Conflict) as wrong:
            return _refused_edit(entry_id, form, wrong)
    return refused("ledger/entry.html", form, **_entry_page(entry_id))


def _refused_edit(entry_id: UUID, form: Form, wrong: KhataError) -> Response:
    form.errors["amount"] = wrong.message
    current = queries.get_entry(g.shop.id, entry_id)
    form.values["version"] = str(current.version)  # whoever saves again has seen the newer version in the history
    return refused("ledger/entry.html", form, wrong.status, **_entry_page(entry_id))


def _version(form: Form) -> int:
    text = form.value("version")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@blueprint.post("/entries/<uuid:entry_id>/deletion")
@allow("delete_entries")
def delete(entry_id: UUID) -> Response:
    """Strike an entry through."""
    actions.delete_entry(g.actor, entry_id)
    return see_other(url_for("ledger.party", party_id=queries.get_entry(g.shop.id, entry_id).party_id))


@blueprint.post("/entries/<uuid:entry_id>/restoration")
@allow("delete_entries")
def restore(entry_id: UUID) -> Response:
    """Take a deletion back."""
    actions.restore_entry(g.actor, entry_id)
    return see_other(url_for("ledger.party", party_id=queries.get_entry(g.shop.id, entry_id).party_id))


@blueprint.get("/parties/<uuid:party_id>/settlement")
@allow("record")
def settlement(party_id: UUID) -> Response:
    """Ask before the balance is brought to zero."""
    row = party_queries.get_party(g.shop.id, party_id)
    return make_response(render_template("ledger/settlement.html", party=row, form=Form()))


@blueprint.post("/parties/<uuid:party_id>/settlement")
@allow("record")
def settle(party_id: UUID) -> Response:
    """Bring the balance to zero."""
    form = Form(request.form)
    entry_id, expected = form.id(), form.read("expected_minor", _whole_number)
    if form.is_valid:
        try:
            actions.settle(g.actor, party_id, entry_id, expected, shop_today(), in_cash=form.flag("in_cash"))
            return see_other(url_for("ledger.party", party_id=party_id))
        except Conflict as changed:
            form.errors["expected_minor"], form.values["id"] = changed.message, ""
    row = party_queries.get_party(g.shop.id, party_id)
    return refused("ledger/settlement.html", form, 409 if expected is not None else 422, party=row)


def _whole_number(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 18):
        raise Invalid
    return int(text)


@blueprint.post("/parties/<uuid:party_id>/kind")
@allow("edit_parties")
def move(party_id: UUID) -> Response:
    """Make a customer a supplier, or the other way round."""
    form = Form(request.form)
    kind = form.choice("kind", KINDS)
    form.require_valid()
    actions.move_party(g.actor, party_id, kind)
    return see_other(url_for("ledger.party", party_id=party_id))


@blueprint.get("/parties/<uuid:party_id>/merge")
@allow("edit_parties")
def choose_merge(party_id: UUID) -> Response:
    """Choose the account that is the same person."""
    row = party_queries.get_party(g.shop.id, party_id)
    text = request.args.get("q", "").strip()[:80]
    found = party_queries.search(g.shop.id, text or row.name.split()[0])
    candidates = [other for other in found if other.id != party_id]
    return make_response(render_template("parties/merge.html", party=row, q=text, candidates=candidates))


@blueprint.post("/parties/<uuid:party_id>/merge")
@allow("edit_parties")
def merge(party_id: UUID) -> Response:
    """Join this account with another one."""
    into = parse_id(request.form.get("into", ""))
    actions.merge_parties(g.actor, party_id, into)
    return see_other(url_for("ledger.party", party_id=into))


@blueprint.get("/parties/<uuid:party_id>/statement")
@allow("see_parties")
def statement(party_id: UUID) -> Response:
    """A party's account between two days."""
    row = party_queries.get_party(g.shop.id, party_id)
    form, today = Form(request.args), shop_today()
    end = form.optional("to", parse_day) or today
    start = form.optional("from", parse_day) or min(end, today).replace(day=1)
    if form.is_valid and start > end:
        form.errors["from"] = gettext("The first day is after the last one.")
    after = request.args.get("after")
    place = forms.entry_cursor(after) if after and form.is_valid else None
    if not form.is_valid:
        start = end = today
    account = queries.statement(g.shop.id, party_id, start, end, place)
    html = render_template(
        "ledger/statement.html",
        party=row,
        shop=g.shop,
        from_=start,
        to=end,
        form=form,
        next_url=_next_statement(party_id, start, end, account),
        **account._asdict(),
    )
    return make_response(html, 200 if form.is_valid else 422)


def _next_statement(party_id: UUID, start: date, end: date, account: queries.Statement) -> str | None:
    if account.next is None:
        return None
    path = url_for("ledger.statement", party_id=party_id)
    place = forms.spell_entry_cursor(account.next)
    return path + forms.with_query("", **{"from": start.isoformat(), "to": end.isoformat(), "after": place})


@blueprint.get("/cash")
@allow("keep_cash_book")
def cash_book() -> Response:
    """A day of the cash book."""
    form = Form(request.args)
    on = form.optional("on", parse_day) or shop_today()
    return _cash_page(on, Form(), 200 if form.is_valid else 422)


def _cash_page(on: date, form: Form, status: int = 200) -> Response:
    page, today = cash.day(g.shop.id, on), shop_today()
    context = {
        "on": on,
        "form": form,
        "previous_on": on - timedelta(days=1) if on > date.min else on,
        "next_on": on + timedelta(days=1) if on < today else None,
        "categories": cash.CATEGORIES,
        "closing_minor": page.closing_minor,
        **page._asdict(),
    }
    if status >= 400:
        return refused("ledger/cash.html", status=status, **context)
    return make_response(render_template("ledger/cash.html", **context))


@blueprint.post("/cash")
@allow("keep_cash_book")
def record_cash() -> Response:
    """Write cash in or out."""
    form = Form(request.form)
    cash_id, content = form.id(), forms.read_cash(form, g.shop.currency, shop_today())
    if not form.is_valid:
        return _cash_page(content.on, form, 422)
    try:
        cash.record_cash(g.actor, cash_id, content)
    except Conflict as error:
        form.errors["amount"], form.values["id"] = error.message, ""  # saved again, it is another line
        return _cash_page(content.on, form, error.status)
    return _to_day(content.on)


@blueprint.post("/cash/<uuid:cash_id>/deletion")
@allow("keep_cash_book")
def delete_cash(cash_id: UUID) -> Response:
    """Strike a line of the cash book through."""
    return _to_day(cash.delete_cash(g.actor, cash_id))


@blueprint.post("/cash/<uuid:cash_id>/restoration")
@allow("keep_cash_book")
def restore_cash(cash_id: UUID) -> Response:
    """Take the deletion back."""
    return _to_day(cash.restore_cash(g.actor, cash_id))


def _to_day(on: date) -> Response:
    return see_other(forms.with_query("/cash", on=on.isoformat()))
