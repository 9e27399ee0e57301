"""What somebody sends who means us harm: cookies, names of hosts, addresses to be led to, bodies. Never a fault."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
import time_machine
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

import tasks
from khata import create_app
from khata.accounts.membership import INVITATION_HOLDS
from khata.accounts.sessions import RESTS
from khata.core import clock
from khata.core.db import db
from khata.core.ids import new_id
from khata.core.tokens import TOKEN_LENGTH
from khata.web import cookies
from khata.web.auth import ORDINARY_BODY, known_device
from tests.client import ORIGIN, Browser, last_code, sign_in
from tests.factories import dump

PHONE, OWNERS = "+919876500001", "+919876543210"
KINDS = (cookies.SESSION, cookies.DEVICE, cookies.VISIT, cookies.LANG, cookies.SORT)
NAME = "khata.example"
URL = f"https://{NAME}"


def fill(app: Flask, rule: Rule) -> str:
    """The address of a rule, with ids of nobody."""
    of_nobody = {"name": "shop.csv", "token": "A" * TOKEN_LENGTH, "gateway": "test", "signed": "A" * 60}
    values = {name: of_nobody.get(name) or new_id() for name in rule.arguments}
    return str(app.url_map.bind("localhost").build(rule.endpoint, values, force_external=False))


def addresses(app: Flask, method: str) -> list[str]:
    """Every address that answers `method`."""
    return [fill(app, rule) for rule in app.url_map.iter_rules() if method in (rule.methods or ())]


def cookie(browser: Browser, name: str) -> str:
    found = browser.client.get_cookie(name)
    assert found is not None, name
    return found.value


def ask(app: Flask, method: str, url: str, sent: str, **options: Any) -> TestResponse:
    """The answer to a request with these cookies, letter by letter: the client's own jar would drop them."""
    headers = {"Origin": ORIGIN, "Cookie": sent.encode().decode("latin-1"), **options.pop("headers", {})}
    return app.test_client(use_cookies=False).open(url, method=method, headers=headers, **options)


@pytest.fixture
def known(app: Flask) -> Iterator[Flask]:
    """An installation that knows its public address, over https."""
    application = create_app(dataclasses.replace(app.config["KHATA"], public_url=URL))
    yield application
    tasks.bind(app)
    with application.app_context():
        db.engine.dispose()


@pytest.fixture
def far(known: Flask) -> Browser:
    """Somebody's browser on it, signed in, with a shop."""
    browser = Browser(known, Origin=URL)
    really = browser.client.open

    def over_https(url: str, **options: Any) -> Any:
        return really(url, base_url=URL, **options)

    browser.client.open = over_https  # type: ignore[assignment]
    sign_in(browser, PHONE)
    browser.post("/shops/new", {"name": "Asha Store"}, then="/")
    return browser


# cookies


def test_over_https_every_cookie_belongs_to_this_host_alone(far: Browser) -> None:
    """V3.3.1, V3.3.3: "__Host-" demands Secure, the whole path and no domain, or a browser drops the cookie."""
    set_ = [far.raw("POST", "/sign-in", data={"phone": PHONE}), far.raw("GET", "/sign-in?lang=hi")]
    set_.append(far.raw("POST", "/sign-in/code", data={"code": last_code(far, PHONE)}))
    set_ += [far.raw("GET", "/?sort=name"), far.raw("POST", "/sign-out")]
    found = [line for answer in set_ for line in answer.headers.getlist("Set-Cookie")]
    assert {line.partition("=")[0] for line in found} == {f"__Host-{kind}" for kind in KINDS}
    for line in found:
        attributes = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes, line
        assert "domain" not in line.lower()


def test_a_cookie_that_another_host_could_have_set_is_nothing(far: Browser, known: Flask) -> None:
    """A neighbour under the same domain can set "khata_session" for us, but nothing that begins with "__Host-"."""
    thief = Browser(known)
    thief.client.set_cookie(cookies.SESSION, cookie_over_https(far), domain=NAME)
    assert thief.client.get("/menu", base_url=URL).status_code == 303
    assert far.raw("GET", "/menu").status_code == 200


def cookie_over_https(browser: Browser) -> str:
    found = browser.client.get_cookie(f"__Host-{cookies.SESSION}", domain=NAME)
    assert found is not None
    return found.value


def test_kept_pages_know_the_name_of_the_cookie(far: Browser) -> None:
    tag = far.raw("GET", "/").headers["ETag"]
    assert far.raw("GET", "/", headers={"If-None-Match": tag}).status_code == 304
    far.raw("POST", "/sign-out")
    assert far.raw("GET", "/", headers={"If-None-Match": tag}).status_code == 303


JUNK = (
    "",
    ".",
    "..",
    "a.b.c",
    "0" * 5000,
    "\"'><script>",
    "%00%0d%0a",
    "é",
    "न",
    "{}",
    "-1",
    "=;=",
    "\x01\x7f",
    "None",
)


@pytest.mark.parametrize("kind", KINDS)
def test_junk_in_a_cookie_is_as_good_as_none(app: Flask, owner: Browser, kind: str) -> None:
    others = [cookie(owner, name) for name in (cookies.SESSION, cookies.DEVICE) if name != kind]
    for value in (*JUNK, *others):
        sent = f"{kind}={value}"
        for url in ("/", "/sign-in", "/sign-in/code", "/menu", "/unlock"):
            answer = ask(app, "GET", url, sent)
            assert answer.status_code in (200, 303), (url, value)
            assert "Asha Store" not in answer.get_data(as_text=True)
        assert ask(app, "POST", "/sign-in/code", sent, data={"code": "123456"}).location == "/sign-in"


def test_one_letter_changed_and_a_cookie_is_nothing(app: Flask, owner: Browser) -> None:
    for kind in (cookies.SESSION, cookies.DEVICE):
        value = cookie(owner, kind)
        for place in range(0, len(value) - 1, 5):  # not the last: some of its bits are padding
            changed = value[:place] + ("1" if value[place] != "1" else "2") + value[place + 1 :]
            assert ask(app, "GET", "/menu", f"{kind}={changed}").status_code == 303
            with app.test_request_context(headers={"Cookie": f"{kind}={changed}"}):
                assert known_device() is None


def test_of_two_session_cookies_both_readers_take_the_same(app: Flask, owner: Browser, stranger: Browser) -> None:
    """The look before the application, for kept pages, and the application itself."""
    first, second = (f"{cookies.SESSION}={cookie(browser, cookies.SESSION)}" for browser in (owner, stranger))
    for _time in range(3):
        text = ask(app, "GET", "/", f"{first}; {second}").get_data(as_text=True)
        assert "Asha Store" in text
        assert "Other Store" not in text
    owner.post("/sign-out")
    assert ask(app, "GET", "/", f"{first}; {second}").status_code == 303


def test_a_used_cookie_of_a_visit_opens_nothing_again(app: Flask, visitor: Browser) -> None:
    """Replayed: the visit that holds the code's id, and the code, after it was used."""
    visitor.post("/sign-in", {"phone": PHONE})
    before, code = cookie(visitor, cookies.VISIT), last_code(visitor, PHONE)
    visitor.post("/sign-in/code", {"code": code})
    thief = Browser(app)
    thief.client.set_cookie(cookies.VISIT, before)
    thief.post("/sign-in/code", {"code": code}, status=422)
    thief.get("/menu", status=303)


def test_the_token_before_a_proof_is_dead(app: Flask, owner: Browser) -> None:
    before = cookie(owner, cookies.SESSION)
    owner.post("/proof")
    owner.post("/proof/code", {"code": last_code(owner, OWNERS)})
    thief = Browser(app)
    thief.client.set_cookie(cookies.SESSION, before)
    thief.get("/menu", status=303)
    owner.get("/menu")


def test_a_session_that_rested_too_long_is_dead(app: Flask, owner: Browser) -> None:
    with time_machine.travel(clock.now() + RESTS + timedelta(seconds=1), tick=False):
        owner.get("/menu", status=303)
        assert owner.raw("POST", "/cash", data={"direction": "in", "amount": "5"}).location == "/sign-in"


def test_somebody_elses_device_proves_nobody(app: Flask, owner: Browser) -> None:
    """A device's cookie says which phone it is, never who."""
    thief = Browser(app)
    thief.client.set_cookie(cookies.DEVICE, cookie(owner, cookies.DEVICE))
    thief.get("/menu", status=303)


def test_another_key_ends_what_was_signed_and_no_session(app: Flask, owner: Browser) -> None:
    """KHATA_SECRET_KEY replaced: invitations, devices and visits are as good as made up; sessions go on."""
    owner.post("/invitations", {"role": "cashier"})
    found = re.search(r"(/invitations/[0-9a-f-]{36}\?key=\w+)", owner.get("/members").html)
    assert found
    application = create_app(dataclasses.replace(app.config["KHATA"], secret_key="k" * 40))
    try:
        assert ask(application, "GET", "/", f"{cookies.SESSION}={cookie(owner, cookies.SESSION)}").status_code == 200
        assert ask(application, "GET", found[1], "").status_code == 404
        with application.test_request_context(headers={"Cookie": f"khata_device={cookie(owner, cookies.DEVICE)}"}):
            assert known_device() is None
    finally:
        tasks.bind(app)
        with application.app_context():
            db.engine.dispose()


# names of hosts


BAD_HOSTS = ("evil.example", f"{NAME}.evil.example", f"{NAME}@evil.example", f"{NAME}:evil", f"x {NAME}", "[::1", "a/b",
             "\t", "é", "x" * 5000, f"{NAME},evil.example")  # fmt: skip


@pytest.mark.parametrize("host", BAD_HOSTS, ids=lambda host: host[:30])
def test_another_hosts_name_is_refused(known: Flask, host: str) -> None:
    for url in ("/sign-in", "/healthz", f"/invitations/{new_id()}?key=x", "/nowhere"):
        answer = Browser(known).raw("GET", url, headers={"Host": host.encode().decode("latin-1")})
        assert answer.status_code == 400, url
        assert "evil" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("host", [*BAD_HOSTS, "", "localhost:99999", "localhost:0"], ids=lambda host: host[:30])
def test_nor_is_it_a_fault_where_no_name_is_known(owner: Browser, host: str) -> None:
    for url in ("/", "/sign-in", "/members", "/nowhere"):
        answer = owner.raw("GET", url, headers={"Host": host.encode().decode("latin-1")})
        assert answer.status_code < 500
        assert not answer.location or answer.location.startswith("/")


def test_an_invitation_leads_to_the_public_address(far: Browser, known: Flask) -> None:
    """Whatever the request said: from this machine by its own name, or through somebody who claims another one."""
    far.post("/invitations", {"role": "cashier"})
    spoofed = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example"}
    asked_here = ask(known, "GET", "/members", f"__Host-{cookies.SESSION}={cookie_over_https(far)}")
    pages = [far.get("/members", 200, **spoofed).html, asked_here.get_data(as_text=True)]
    for html in pages:
        links = re.findall(r"https?://[^\s\"'<]*/invitations/", html)
        assert links
        assert set(links) == {f"{URL}/invitations/"}
        assert "evil" not in html


def test_every_redirect_is_to_a_path(app: Flask, owner: Browser, visitor: Browser) -> None:
    for browser in (owner, visitor):
        for method in ("GET", "POST"):
            for url in addresses(app, method):
                if url == "/sign-out":
                    continue
                answer = browser.raw(method, url, headers={"X-Forwarded-Host": "evil.example"})
                answer.close()
                assert not answer.location or re.match(r"/(?!/)", answer.location), f"{method} {url}"


# being led elsewhere

ELSEWHERE = ("//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "http:evil.example",
             "///evil.example", "/\t/evil.example", "/\n/evil.example", "/\r\nLocation: https://evil.example",
             "javascript:alert(1)", "/ /evil.example", "\x00//evil.example", "", "evil.example", "/x\x7f")  # fmt: skip


@pytest.mark.parametrize("url", ELSEWHERE, ids=repr)
def test_nobody_is_led_elsewhere(url: str) -> None:
    from khata.errors import NotFound
    from khata.web.pages import see_other

    with pytest.raises(NotFound):
        see_other(url)


@pytest.mark.parametrize("url", ELSEWHERE, ids=repr)
def test_signing_in_leads_to_where_one_wanted_to_go_and_nowhere_else(app: Flask, owner: Browser, url: str) -> None:
    """The invitation's address is remembered with all that was added to it."""
    owner.post("/invitations", {"role": "cashier"})
    found = re.search(r"(/invitations/[0-9a-f-]{36}\?key=\w+)", owner.get("/members").html)
    assert found
    helper = Browser(app)
    helper.get(f"{found[1]}&next={quote(url)}&wanted={quote(url)}")
    helper.post("/sign-in", {"phone": PHONE, "next": url, "wanted": url, "invitation": url})
    helper.post("/sign-in/code", {"code": last_code(helper, PHONE), "next": url})
    assert helper.location.startswith(found[1])


@pytest.mark.parametrize("url", ELSEWHERE, ids=repr)
def test_a_proof_leads_back_and_nowhere_else(owner: Browser, url: str) -> None:
    with time_machine.travel(clock.now() + timedelta(hours=1)):
        header = {"Referer": f"http://localhost{url}"} if url.isprintable() else {}
        answer = owner.raw("POST", "/devices/sign-out", data={"next": url, "wanted": url}, headers=header)
        assert answer.location in ("/proof", "/devices")
        owner.get(f"/me?next={quote(url)}")
        owner.post("/proof")
        answer = owner.raw("POST", "/proof/code", data={"code": last_code(owner, OWNERS), "next": url})
        assert answer.status_code in (303, 404)
        assert not answer.location or re.match(r"/(?![/\\])[!-~]*\Z", answer.location)


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/%2f%2fevil.example", "/%5cevil.example", "/%09/evil.example", "/%0d%0aX-Injected:%20yes",
     "//evil.example/%2e%2e", "/sign-in/..//evil.example", "/http:evil.example", "///evil.example//menu"],
)  # fmt: skip
def test_no_path_is_turned_into_a_way_out(owner: Browser, visitor: Browser, path: str) -> None:
    for browser in (owner, visitor):
        answer = browser.client.open("/", environ_overrides={"PATH_INFO": unquote(path)})
        assert answer.status_code in (303, 308, 404)
        assert urlsplit(answer.location or "").netloc in ("", "localhost")
        assert "X-Injected" not in answer.headers


# invitations


def test_an_invitation_that_was_used_opens_nothing_for_who_was_removed(app: Flask, owner: Browser) -> None:
    owner.post("/invitations", {"role": "cashier"})
    found = re.search(r"(/invitations/[0-9a-f-]{36})\?key=(\w+)", owner.get("/members").html)
    assert found
    helper = Browser(app)
    sign_in(helper, PHONE)
    helper.post(found[1], {"key": found[2], "name": "Ravi"}, then="/")
    row = owner.get("/members").html.split(PHONE)[1]
    member = re.search(r'action="(/members/[0-9a-f-]{36})"', row)
    assert member
    owner.post(f"{member[1]}/removal")
    for _time in range(2):
        helper.post(found[1], {"key": found[2]}, status=404)
        helper.get(f"{found[1]}?key={found[2]}", status=404)
        helper.get("/", status=303)


def test_an_invitation_that_is_too_old_opens_nothing(app: Flask, owner: Browser) -> None:
    owner.post("/invitations", {"role": "owner"})
    found = re.search(r"(/invitations/[0-9a-f-]{36})\?key=(\w+)", owner.get("/members").html)
    assert found
    with time_machine.travel(clock.now() + INVITATION_HOLDS, tick=True):
        helper = Browser(app)
        sign_in(helper, PHONE)
        helper.post(found[1], {"key": found[2]}, status=404)
        for key in ("", found[2][:-1], found[2].upper() + "0", "0" * 32, "é"):
            helper.post(found[1], {"key": key}, status=404)
    helper.get("/", status=303)


# bodies


class Unread:
    """A body that nobody may begin to read."""

    def read(self, *_size: int) -> bytes:
        """Never."""
        raise AssertionError("a body that is too large was read")


def test_a_body_that_is_too_large_is_not_even_read(app: Flask, owner: Browser) -> None:
    """On every route that takes one, by its declared length."""
    tried = 0
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()):
            continue
        most = getattr(app.view_functions[rule.endpoint], "khata_body", ORDINARY_BODY)
        sent = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(most + 1)}
        answer = owner.raw("POST", fill(app, rule), environ_overrides=sent)
        assert answer.status_code == 413, rule.rule
        tried += 1
    assert tried > 30


FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
NESTED = b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(500))
BODIES = {
    "a name of 200,000 letters": (FORM, b"n" * 200_000 + b"=1"),
    "names like paths": (FORM, b"a[b][c]=1&a.b=2&__proto__[x]=3&constructor=4&self=5&%5f%5fclass__=6"),
    "5,000 fields": (FORM, b"&".join(b"f%d=1" % n for n in range(5_000))),
    "one field 5,000 times": (FORM, b"name=1&" * 5_000),
    "nothing but signs": (FORM, b"&&&===&=%&%%%&%zz=%u0041&+=+"),
    "bytes that are no UTF-8": (FORM, b"name=%ff%fe%c0%af%ed%a0%80&amount=%00&id=%f5%90"),
    "raw bytes": (FORM, bytes(range(256))),
    "a charset of its own": (f"{FORM}; charset=utf-7", b"name=+ADw-script+AD4-"),
    "a charset that is none": (f"{FORM}; charset=\x00nonsense", b"name=x"),
    "UTF-16": (f"{FORM}; charset=utf-16", "name=अ".encode("utf-16")),
    "parts within parts within parts": ("multipart/form-data; boundary=b0", NESTED),
    "a part without an end": (PARTS, PART[:-2] % (b"name", b"x" * 1000)),
    "a part's name of 50,000 letters": (PARTS, PART % (b"n" * 50_000, b"x") + b"--b--"),
    "a part with 2,000 headers": (PARTS, b"--b\r\n" + b"X-A: b\r\n" * 2_000 + b"\r\nx\r\n--b--"),
    "a part in a coding of its own": (
        PARTS,
        b'--b\r\nContent-Disposition: form-data; name="name"\r\nContent-Transfer-Encoding: base64\r\n'
        b"Content-Type: text/plain; charset=rot13\r\n\r\neA==\r\n--b--",
    ),
    "a file where a word belongs": (
        PARTS,
        b'--b\r\nContent-Disposition: form-data; name="amount"; filename="../../x\x00"\r\n\r\n5\r\n--b--',
    ),
    "no boundary": ("multipart/form-data", PART % (b"name", b"x")),
    "a boundary of 10,000 letters": ("multipart/form-data; boundary=" + "b" * 10_000, b"--" + b"b" * 10_000),
    "a boundary in another script": ("multipart/form-data; boundary=\xe9", b"--\xe9--"),
    "no kind": ("", b"name=x"),
    "a kind that is none": ("/;;;=\x7f", b"name=x"),
    "JSON, deep": ("application/json", b"[" * 100_000),
    "XML with an entity": ("text/xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    "gzip": (FORM, b"\x1f\x8b\x08\x00\x00"),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_strange_body_is_no_fault(app: Flask, owner: Browser, what: str) -> None:
    """On every route that takes a form, of somebody signed in; and no traceback, whatever the status."""
    kind, body = BODIES[what]
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.endpoint in ("accounts.sign_out", "accounts.lock"):
            continue
        answer = owner.raw("POST", fill(app, rule), data=body, content_type=kind)
        answer.close()
        assert answer.status_code < 500, rule.rule
    owner.get("/menu")


def test_a_form_that_was_cut_off_writes_nothing(owner: Browser) -> None:
    """Its length says there was more: "77" was the beginning of another amount. Nor in pieces of unknown length."""
    party = owner.add_party()
    with owner.app.app_context():
        before = dump()
    body = b"direction=gave&amount=77"
    for more in (1, 500):
        declared = {"CONTENT_LENGTH": str(len(body) + more)}
        answer = owner.raw("POST", f"{party}/entries", data=body, content_type=FORM, environ_overrides=declared)
        assert answer.status_code == 400
    for terminated in (True, False):  # Granian says that its input has an end, and calls a break one
        environ = {"wsgi.input_terminated": terminated, "HTTP_TRANSFER_ENCODING": "chunked"}
        answer = owner.raw("POST", f"{party}/entries", data=body, content_type=FORM, environ_overrides=environ)
        assert answer.status_code == 411
    with owner.app.app_context():
        assert dump() == before


# addresses and headers


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?q=" + "x" * 60_000, {}),
        ("?" + "a=1&" * 10_000, {}),
        ("?q=%00%ff%ed%a0%80&day=%00&member=%f0&page=-1&before=x&kind=\u0968&sort=__class__", {}),
        ("?lang=../../etc&lang=hi\x00&sort=name'--", {}),
        ("", {"X-Cookies": "".join(f"; c{number}=x" for number in range(3000))}),
        ("", {"Accept-Language": "hi;q=x,,;;," + "a-b," * 5000}),
        ("", {"Accept-Encoding": "br;q=nan, gzip;q=-1, " + "x," * 5000}),
        ("", {"If-None-Match": '"' * 5000, "Range": "bytes=99999999999-,-1", "If-Modified-Since": "never"}),
        ("", {"User-Agent": "%s{}\x01" * 1000, "Referer": "http://[::", "Authorization": "Basic ===="}),
        ("", {"HX-Request": "true", "HX-Target": "<>", "HX-Request-Type": "\x7f", "X-Forwarded-For": "x" * 5000}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_strange_address_or_header_is_no_fault(app: Flask, owner: Browser, query: str, headers: Any) -> None:
    own = f"{cookies.SESSION}={cookie(owner, cookies.SESSION)}"
    for url in addresses(app, "GET"):
        answer = ask(app, "GET", url + query, own + headers.get("X-Cookies", ""), headers=headers)
        answer.close()
        assert answer.status_code < 500 or url == "/readyz", url
