"""Bytes on the wire, against a real server: slow senders, broken connections, lengths that contradict each other."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from khata.web.turns import MOST_BODIES_OF_AN_ADDRESS
from tests.installation import Installation, installed, wait_for

OWNER = "+919876500001"
SLOW = 40
ESTABLISHED = "01"
ELSEWHERE = "127.0.0.2"  # another address of this machine: the slow ones'
FORM = b"direction=gave&amount=777"
MEANT = f"Content-Length: {len(FORM)}"
IN_PIECES = b"19\r\n" + FORM + b"\r\n0\r\n\r\n"
CUT_OFF = [
    (f"Content-Length: {len(FORM) + 2}", FORM),  # 777 was the beginning of 77712
    ("Content-Length: 5000", FORM),
    ("Transfer-Encoding: chunked", IN_PIECES.removesuffix(b"0\r\n\r\n")),
]


class Shop:
    """An installation with a shop, a party, and a way to send bytes as its owner."""

    def __init__(self, khata: Installation) -> None:
        self.khata = khata
        khata.start_web()
        khata.start_worker()
        self.client = khata.client()
        khata.open_shop(self.client, OWNER)
        self.party = self.client.post("/parties", data={"name": "Ramesh"}).headers["location"]
        cookie = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        self.head = (
            f"POST {self.party}/entries HTTP/1.1\r\nHost: 127.0.0.1:{khata.port}\r\nOrigin: {khata.url}\r\n"
            f"Cookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        )

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.khata.port), timeout=10, source_address=(source, 0))

    def send(self, lines: str, body: bytes) -> list[int]:
        """The statuses that an entry's form with `lines` for its length, and then nothing more, is answered with."""
        with self.connect() as connection:
            connection.sendall((self.head + "Connection: close\r\n" + lines + "\r\n\r\n").encode() + body)
            if (lines, body) in CUT_OFF:
                connection.shutdown(socket.SHUT_WR)
            return statuses(connection)

    def amounts(self) -> set[str]:
        """Every amount on the party's page."""
        return set(re.findall(r"₹[\d,.]+", self.client.get(self.party).text))


def statuses(connection: socket.socket) -> list[int]:
    """The statuses of all answers, up to where the server closes the connection."""
    answers = b""
    with contextlib.suppress(OSError):
        while piece := connection.recv(65536):
            answers += piece
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One installation for all of these tests; SQLite."""
    folder: Path = tmp_path_factory.mktemp("khata")
    with installed(folder) as khata:
        shop = Shop(khata)
        yield shop
        shop.client.close()


@pytest.fixture
def slow(shop: Shop) -> Iterator[list[socket.socket]]:
    """Forms that never get further than their first letters, sent by one address."""
    start = f"{shop.head}Content-Length: 5000\r\n\r\ndirection=ga".encode()
    with contextlib.ExitStack() as open_:
        found = [open_.enter_context(shop.connect(ELSEWHERE)) for _number in range(SLOW)]
        for connection in found:
            connection.sendall(start)
        yield found


def answered(connections: list[socket.socket]) -> list[bytes]:
    """The first bytes of those that have an answer by now."""
    found = []
    for connection in connections:
        connection.settimeout(0.01)
        with contextlib.suppress(TimeoutError):
            found.append(connection.recv(13, socket.MSG_PEEK))
    return found


def test_slow_bodies_hold_up_nobody(shop: Shop, slow: list[socket.socket]) -> None:
    """Of 40 from one address 16 get a place, the others are told so; everybody else reads and writes."""
    more_than_their_share = SLOW - MOST_BODIES_OF_AN_ADDRESS
    refused = wait_for(lambda: (found := answered(slow)) and len(found) == more_than_their_share and found, "refusals")
    assert set(refused) == {b"HTTP/1.1 503 "}
    for _time in range(10):
        for connection in slow:
            with contextlib.suppress(OSError):
                connection.sendall(b"v")
        assert shop.client.get(shop.party).status_code == 200
    before = shop.amounts()
    assert shop.client.post(f"{shop.party}/entries", data={"direction": "got", "amount": "31"}).status_code == 303
    assert "₹31" in shop.amounts() - before


def test_who_is_silent_is_asked_whether_they_are_there(shop: Shop, slow: list[socket.socket]) -> None:
    """Phones go away without a word. The timer of the server's side of the connection is the keep-alive one ("02")."""
    ours = {f":{connection.getsockname()[1]:04X}" for connection in slow}

    def asked() -> bool:
        lines = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        of_server = [line for line in lines if line[1].endswith(f":{shop.khata.port:04X}") and line[2][-5:] in ours]
        return [line[5][:2] for line in of_server if line[3] == ESTABLISHED].count("02") >= MOST_BODIES_OF_AN_ADDRESS

    wait_for(asked, "the system to ask")


def test_slow_headers_hold_up_nobody(shop: Shop) -> None:
    with contextlib.ExitStack() as open_:
        for _number in range(100):
            open_.enter_context(shop.connect()).sendall(b"POST /sign-in HTTP/1.1\r\nHost: 127")
        assert shop.client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        *CUT_OFF,
        ("Transfer-Encoding: chunked", IN_PIECES),
        (f"{MEANT}\r\nTransfer-Encoding: chunked", IN_PIECES),
        (f"Transfer-Encoding: chunked\r\n{MEANT}", IN_PIECES),
        (f"Transfer-Encoding: identity\r\n{MEANT}", FORM),
        (f"Transfer-Encoding: xchunked\r\n{MEANT}", FORM),
        (f"Transfer-Encoding : chunked\r\n{MEANT}", FORM),
        (f"{MEANT}\r\nContent-Length: 5", FORM),
        (f"Content-Length: 5\r\n{MEANT}", FORM),
        (f"Content-Length: {len(FORM)}, {len(FORM)}", FORM),
        (f"Content-Length: +{len(FORM)}", FORM),
        ("Content-Length: -1", FORM),
        ("Content-Length: 0x19", FORM),
        ("", FORM),
        (f"{MEANT}\r\nX-Folded: a\r\n b", FORM),
        (f"{MEANT}\r\nX-Null: a\0b", FORM),
    ],
    ids=str,
)
def test_a_form_whose_length_is_in_doubt_writes_nothing(shop: Shop, lines: str, body: bytes) -> None:
    """V4.2.1. Half of a form must not become half of an amount, and no two readers may see two requests in one."""
    before = shop.amounts()
    answers = shop.send(lines, body)
    assert answers or (lines, body) in CUT_OFF  # who broke off may be gone before the answer is
    assert all(400 <= status < 500 for status in answers)
    assert shop.amounts() == before


def test_what_comes_after_a_form_is_another_request(shop: Shop) -> None:
    """A body longer than it says it is: the rest is no part of the form."""
    asked = f"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1:{shop.khata.port}\r\nConnection: close\r\n\r\n"
    for more, status in ((b"&note=smuggled\r\n\r\n", 400), (asked.encode(), 404)):
        with shop.connect() as connection:
            connection.sendall(f"{shop.head}{MEANT}\r\n\r\n".encode() + FORM + more)
            assert statuses(connection) == [303, status]
    text = shop.client.get(shop.party).text
    assert "₹777" in text
    assert "smuggled" not in text


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100),
        b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
        b"GET http://[::1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /%00%ff%c0%af HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /\xe0\xa4\x85 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: " + b"a=b; " * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: khata_session=\xff\xfe; khata_visit=\x80\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: b\r\n" * 5_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"b" * 600_000 + b"\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        bytes(2000),
    ],
    ids=lambda sent: repr(sent[:40]),
)
def test_nonsense_is_no_fault(shop: Shop, sent: bytes) -> None:
    with shop.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(OSError):
            answer = connection.recv(65536)
    assert not re.match(rb"HTTP/\S+ 5", answer), answer[:200]
    assert httpx.get(f"{shop.khata.url}/healthz").status_code == 200
    logged = (shop.khata.folder / "web.log").read_text("utf-8")
    assert "Traceback" not in logged
    assert '"fault"' not in logged
