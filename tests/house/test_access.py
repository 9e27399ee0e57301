"""Who may call what: generated from the routes, so that a new route without its case fails here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from khata.accounts.models import Member
from khata.accounts.notices import tell_owners
from khata.core.db import Base, db, transaction
from khata.core.ids import new_id
from khata.core.tokens import TOKEN_LENGTH
from khata.web.auth import PUBLIC
from tests.accounts.authenticator import Authenticator
from tests.client import Browser
from tests.factories import dump, picture, upload
from tests.payments.trial import pay_trial

# What each id in a route names. A route with an id that is not here fails.
OWNED = (
    "party_id",
    "entry_id",
    "cash_id",
    "photo_id",
    "import_id",
    "shop_id",
    "device_id",
    "member_id",
    "invitation_id",
    "notice_id",
    "export_id",
    "passkey_id",
    "claim_id",
    "request_id",
    "received_id",
    "rule_id",
    "payment_id",
)
SIGNED = {"signed"}  # a link of the test gateway, which carries its own proof
NAMES = {"gateway", "channel"}  # one of a few words that stand in the rule
TOKENS = {"token"}  # of links that are open to whoever has them

# A form that would be taken if the row were one's own: so that a 404 is not a 422 in disguise.
FORMS: dict[str, dict[str, str]] = {
    "ledger.record": {"direction": "gave", "amount": "1"},
    "ledger.edit": {"direction": "gave", "amount": "1", "version": "1"},
    "ledger.settle": {"expected_minor": "1000"},
    "ledger.move": {"kind": "supplier"},
    "reminders.remind": {"channel": "sms"},
    "reminders.agree": {"channel": "sms"},
    "reminders.promise": {"on": "2030-01-01"},
    "reminders.make_plan": {"parts": "2", "first_on": "2030-01-01", "expected_minor": "1000"},
    "reminders.paid": {"on": "2030-01-01"},
    "reminders.skip": {"on": "2030-01-01"},
    "parties.change": {"name": "Mine now"},
    "accounts.name_device": {"label": "Mine now"},
    "accounts.change_member": {"role": "cashier"},
    "accounts.change_phone": {"lock_seconds": "300"},
    "accounts.give_pin": {"pin": "8347"},
}
PUBLIC_ROUTES = {
    "accounts.sign_in", "accounts.send_code", "accounts.code", "accounts.use_code", "accounts.invitation",
    "accounts.unlock", "accounts.change_hands", "accounts.face",
    "accounts.asking_challenge", "accounts.passkey_refused", "accounts.sign_in_by_passkey",
    "accounts.recover", "accounts.use_recovery_code",
    "payments.pay_page", "payments.wrong", "payments.claim", "payments.language", "payments.picture",
    "payments.pay", "payments.webhook", "payments.trial", "payments.say_trial",
    "payments.code_svg", "payments.code_png", "reminders.stop", "reminders.take_report", "reminders.answer_challenge",
    "privacy.page", "manifest", "service_worker", "sync.offline", "healthz", "readyz", "metrics",
}  # fmt: skip


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every address and method."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def address(app: Flask, rule: Rule, ids: dict[str, UUID]) -> str:
    """The rule with ids filled in."""
    return app.url_map.bind("localhost").build(rule.endpoint, {name: ids[name] for name in rule.arguments})


def anybody() -> dict[str, UUID]:
    return {name: new_id() for name in OWNED}


@pytest.fixture
def theirs(stranger: Browser) -> dict[str, UUID]:
    """Ids of a stranger's party, entry, line of the cash book, photo, import, shop and device."""
    party = stranger.add_party("Theirs")
    fields: dict[str, Any] = {"direction": "gave", "amount": "10", "photo": upload(picture())}
    stranger.post(f"{party}/entries", fields)
    stranger.post(f"{party}/link")
    (link,) = [one for one in stranger.get(party).links("http") if "/pay/" in one]
    stranger.post(urlsplit(link).path + "/claims", {"amount": "5"})
    pay_trial(stranger, urlsplit(link).path, "4", "failed")
    stranger.post("/reminders/rules", {"kind": "due", "channel": "sms"})
    stranger.post(f"{party}/instalments", FORMS["reminders.make_plan"])
    bill = {"party": party.rpartition("/")[2], "amount": "7", "on": "2030-01-01", "every": "month"}
    stranger.post("/to-pay", bill)
    stranger.post("/cash", {"direction": "in", "amount": "5", "id": str(new_id())})
    stranger.post("/share", {"photo": upload(picture())})
    stranger.post("/imports", {"file": upload(b"name,phone\nAsha,9876500002\n", "list.csv"), "format": "csv"})
    made = Authenticator().create(stranger.raw("GET", "/passkeys/new/challenge").get_json())
    stranger.post("/passkeys", {"label": "Theirs", "answer": made}, then="/passkeys")
    with stranger.app.app_context():
        tables = dump()
    names = {"party_id": "parties", "entry_id": "entries", "cash_id": "cash_entries", "import_id": "imports"}
    columns = {name: list(table.columns.keys()) for name, table in Base.metadata.tables.items()}

    def only(table: str, column: str) -> UUID:
        (row,) = [row for row in tables[table] if table != "shops" or "Other Store" in row]
        value: UUID = row[columns[table].index(column)]
        return value

    ids = {name: only(table, "id") for name, table in {**names, "shop_id": "shops"}.items()}
    actions = {form["action"] for form in stranger.get("/devices").all("form")}
    (device,) = {action for action in actions if action.startswith("/devices/") and action.count("/") == 2}
    stranger.post("/invitations", {"role": "cashier"})
    page = stranger.get("/members")
    (member,) = {form["action"] for form in page.all("form") if form["action"].startswith("/members/")}
    (invitation,) = {form["action"] for form in page.all("form") if form["action"].startswith("/invitations/")}
    stranger.post("/phones", {"lock_seconds": "300"})
    stranger.post("/exports", {"file": "parties.csv"})
    export = str(stranger.location)
    with stranger.app.app_context(), transaction():
        tell_owners(ids["shop_id"], "device.signed_in", {"name": "Theirs", "label": "Theirs"})
    (notice,) = [form["action"] for form in stranger.get("/").all("form") if form["action"].startswith("/notices/")]
    return {
        **ids,
        "passkey_id": only("passkeys", "id"),
        "photo_id": only("entries", "photo_id"),
        "claim_id": only("claims", "id"),
        "request_id": only("payment_requests", "id"),
        "received_id": only("gateway_payments", "id"),
        "rule_id": only("reminder_rules", "id"),
        "payment_id": only("scheduled_payments", "id"),
        "device_id": UUID(device.rpartition("/")[2]),
        "member_id": UUID(member.split("/")[2]),
        "invitation_id": UUID(invitation.split("/")[2]),
        "notice_id": UUID(notice.split("/")[2]),
        "export_id": UUID(export.split("/")[2]),
    }


def test_every_view_says_who_may_call_it(app: Flask) -> None:
    open_to_all = {name for name, view in app.view_functions.items() if view.khata_access == PUBLIC}
    assert open_to_all == PUBLIC_ROUTES


def test_only_webhooks_are_proven_by_a_signature_alone(app: Flask) -> None:
    """They are not asked for a page of ours, so each must look at a signature before anything else."""
    by_signature = {name for name, view in app.view_functions.items() if hasattr(view, "khata_signature")}
    assert by_signature == {"payments.webhook", "reminders.take_report"}
    (rule,) = [rule for rule, method in routes(app) if rule.endpoint == "payments.webhook"]
    assert rule.methods == {"POST", "OPTIONS"}


def test_who_works_in_steps_is_known(app: Flask) -> None:
    """Their writes are not undone with the request: each of them asks somebody else in between."""
    in_steps = {name for name, view in app.view_functions.items() if hasattr(view, "khata_steps")}
    assert in_steps == {
        "payments.pay", "payments.webhook", "payments.say_trial", "payments.cancel_request", "payments.refund",
        "reminders.take_report",
    }  # fmt: skip


def test_a_view_without_access_does_not_start() -> None:
    from khata.web.auth import require_named_access

    small = Flask("small", static_folder=None)
    small.add_url_rule("/x", "x", lambda: "")
    with pytest.raises(RuntimeError, match="x"):
        require_named_access(small)


def test_parameters_are_typed(app: Flask) -> None:
    for rule, _method in routes(app):
        for name in rule.arguments:
            if name in SIGNED | NAMES:
                assert ("minlength=40" if name in SIGNED else "<any(") in rule.rule, rule.rule
                assert rule.endpoint in PUBLIC_ROUTES, rule.rule
                continue
            if name in TOKENS:
                assert f"<string(length={TOKEN_LENGTH}):{name}>" in rule.rule, rule.rule
                assert rule.endpoint in PUBLIC_ROUTES, rule.rule
                continue
            assert f"<uuid:{name}>" in rule.rule, rule.rule
            assert name in OWNED, f"{rule.rule}: say in OWNED whose {name} is"


def test_a_visitor_is_sent_to_sign_in(app: Flask, visitor: Browser) -> None:
    with app.app_context():
        before = dump()
    for rule, method in routes(app):
        if rule.endpoint in PUBLIC_ROUTES:
            continue
        answer = visitor.raw(method, address(app, rule, anybody()))
        assert (answer.status_code, answer.location) == (303, "/sign-in"), f"{method} {rule.rule}"
        answer = visitor.raw(method, address(app, rule, anybody()), headers={"HX-Request": "true"})
        assert answer.headers["HX-Redirect"] == "/sign-in", f"{method} {rule.rule}"
    with app.app_context():
        assert dump() == before


def test_without_a_shop_one_is_made_first(app: Flask, visitor: Browser) -> None:
    from tests.client import sign_in

    sign_in(visitor, "+919876500009")
    for rule, method in routes(app):
        if app.view_functions[rule.endpoint].khata_access in (PUBLIC, "signed in"):
            continue
        answer = visitor.raw(method, address(app, rule, anybody()))
        assert (answer.status_code, answer.location) == (303, "/shops/new"), f"{method} {rule.rule}"


def test_what_is_not_yours_is_not_there(app: Flask, owner: Browser, theirs: dict[str, UUID]) -> None:
    owner.add_party("Mine")
    with app.app_context():
        before = dump()
    tried = 0
    for rule, method in routes(app):
        if not rule.arguments or not rule.arguments <= set(OWNED):
            continue
        url, form = address(app, rule, theirs), FORMS.get(rule.endpoint, {})
        answer = owner.raw(method, url, data=form if method == "POST" else None)
        assert answer.status_code == 404, f"{method} {rule.rule}: {answer.status_code}"
        assert b"Theirs" not in answer.data
        tried += 1
    assert tried >= 20
    with app.app_context():
        assert dump() == before


def test_nor_by_a_field_of_a_form(app: Flask, owner: Browser, theirs: dict[str, UUID]) -> None:
    mine = owner.add_party("Mine")
    with app.app_context():
        before = dump()
    owner.post(f"{mine}/merge", {"into": str(theirs["party_id"])}, status=404)
    bill = {"party": str(theirs["party_id"]), "amount": "7", "on": "2030-01-01"}
    assert "Theirs" not in owner.post("/to-pay", bill, status=404).html
    assert "Theirs" not in owner.get(f"/to-pay/new?party={theirs['party_id']}").html
    with app.app_context():
        assert dump() == before


def test_the_same_id_in_two_shops_is_two_rows(owner: Browser, theirs: dict[str, UUID]) -> None:
    owner.post("/parties", {"name": "Mine", "id": str(theirs["party_id"])})
    page = owner.write(str(owner.location), "gave", "70", id=str(theirs["entry_id"]))
    assert "₹70" in page.text
    assert "Theirs" not in page.text


@pytest.mark.parametrize("role", ["", "guest"])
def test_a_role_that_nobody_knows_may_do_nothing(app: Flask, owner: Browser, role: str) -> None:
    with app.app_context(), transaction():
        db.session.execute(sa.update(Member).values(role=role))
    owner.get("/", status=403)
    owner.post("/parties", {"name": "No"}, status=403)


def test_a_permission_must_exist() -> None:
    from khata.web.auth import allow

    with pytest.raises(LookupError, match="fly"):
        allow("fly")


def test_the_cast(open_shop: Callable[..., Browser]) -> None:
    assert "Asha Store" in open_shop("+919876500003").get("/").text
