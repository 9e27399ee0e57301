"""The customer's QR codes, as SVG in their page, as PNG to share, and as a poster to print."""

from __future__ import annotations

from flask import Response, make_response, request

from khata.core.money import format_amount
from khata.core.poster import poster
from khata.core.qr import qr_code, qr_png
from khata.errors import NotFound
from khata.payments import ways
from khata.payments.views.blueprint import blueprint
from khata.payments.views.pay_page import TOKEN, Visit, visit
from khata.payments.views.shop import url_of
from khata.web import locale
from khata.web.auth import public

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}">'
    '<path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{path}"/></svg>'
)


def _asked(seen: Visit, token: str) -> ways.Way:
    """The way that the address asks for: with the amount that is owed, unless it says `amount=open`."""
    owed = None if request.args.get("amount") == "open" else max(seen.party.balance_minor, 0) or None
    link = url_of(token)
    scheme = request.args.get("scheme", "")
    if scheme:
        found = ways.way(seen.shop, scheme, owed, seen.party.name, link) if scheme in SCHEMES else None
    else:
        found = ways.ways(seen.shop, owed, seen.party.name, link)[0]
    if found is None:
        raise NotFound
    return found


SCHEMES = (*ways.ADDRESS_OF, ways.LINK)


@blueprint.get(f"/pay/{TOKEN}/qr.svg")
@public
def code_svg(token: str) -> Response:
    """The code as a drawing."""
    code = qr_code(_asked(visit(token), token).payload)
    return _picture(SVG.format(size=code.size, path=code.path), "image/svg+xml")


@blueprint.get(f"/pay/{TOKEN}/qr.png")
@public
def code_png(token: str) -> Response:
    """The code as a picture; with `poster=1` as a sheet with the shop's name, to print."""
    seen = visit(token)
    asked = _asked(seen, token)
    if not request.args.get("poster"):
        return _picture(qr_png(asked.payload), "image/png")
    owed = max(seen.party.balance_minor, 0)
    amount = "" if request.args.get("amount") == "open" else format_amount(owed, seen.shop.currency, locale.lang())
    return _picture(poster(asked.payload, seen.shop.name, asked.address, amount if owed else "").png, "image/png")


def _picture(content: str | bytes, mimetype: str) -> Response:
    response = make_response(content)
    response.mimetype = mimetype
    return response
