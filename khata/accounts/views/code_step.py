"""The step that signing in, proving who one is and changing one's number share: a code is sent, and typed."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from flask import Response, make_response, render_template, request, session, url_for

from khata.accounts import codes, forms, queries
from khata.accounts.models import SignInCode
from khata.core.db import after_commit
from khata.core.forms import Form, RefusedForm
from khata.core.phone import format_phone
from khata.errors import TooMany
from khata.web import auth
from khata.web.logs import security_event
from khata.web.pages import refused
from tasks.messages import send_message


class Step(NamedTuple):
    """`key` is where the visit keeps the code's id; `check` and `again` are the views that take it and send another."""

    key: str
    check: str
    again: str

    def send(self, phone: str) -> None:
        """Send a code to `phone` and remember which; raises TooMany."""
        try:
            sent = codes.send_code(phone, request.remote_addr or "", auth.known_device())
        except TooMany as error:
            security_event("limit.reached", reason=error.code)
            raise
        security_event("code.sent")
        after_commit(lambda: send_message(sent.shop_id, sent.message_id))
        session[self.key] = sent.code_id.hex

    def asked(self) -> SignInCode | None:
        """The code that this browser asked for; None where it asked for none, or long ago."""
        return queries.code_by_id(UUID(session[self.key])) if self.key in session else None

    def page(self, asked: SignInCode, form: Form, status: int = 200) -> Response:
        """Where the code is typed."""
        return make_response(render_template("accounts/code.html", form=form, **self._context(asked)), status)

    def refusal(self, asked: SignInCode) -> Response | None:
        """The page again where the typed code is not the one; None where it is, and it is used up then."""
        form = Form(request.form)
        try:
            typed = forms.read_code(form)
        except RefusedForm:
            return refused("accounts/code.html", form, **self._context(asked))
        wrong = codes.use_code(asked.phone, asked.id, typed)
        if wrong is None:
            session.pop(self.key)
            return None
        security_event("code.refused", reason=wrong.code)
        form.errors["code"] = wrong.message  # not `refused`: the try must be counted
        return self.page(asked, form, 422)

    def _context(self, asked: SignInCode) -> dict[str, Any]:
        urls = {"check_url": url_for(self.check), "again_url": url_for(self.again)}
        return {"phone_shown": format_phone(asked.phone), **urls}
