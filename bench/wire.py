"""HTTP over a raw socket that stays open: as little of the client as can be in what is measured."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import NamedTuple

ACCEPT_ENCODING = "gzip, deflate, br, zstd"  # what Chromium sends


class Answer(NamedTuple):
    """An answer as it came over the wire, its body still compressed."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header; empty where there is none."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _colon, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return ""


def request(method: str, path: str, headers: Mapping[str, str] | None = None, form: str = "") -> bytes:
    """The bytes of a request, with a form where there is one."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Accept-Encoding: {ACCEPT_ENCODING}"]
    if method == "POST":
        lines += ["Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded"]
        lines += [f"Content-Length: {len(form.encode())}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + form).encode()


class Connection:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._waiting = b""

    def ask(self, sent: bytes) -> Answer:
        """Send a request and read its whole answer."""
        self.socket.sendall(sent)
        while True:
            answer = self.receive()
            if answer is not None:
                return answer

    def receive(self) -> Answer | None:
        """Read what has come: the answer where it is whole."""
        came = self.socket.recv(65536)
        if not came:
            raise ConnectionError("the server closed the connection")
        self._waiting += came
        end = self._waiting.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self._waiting[:end]
        whole = end + 4 + _body_length(head)
        if len(self._waiting) < whole:
            return None
        body, self._waiting = self._waiting[end + 4 : whole], self._waiting[whole:]
        return Answer(int(head[9:12]), head, body)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def _body_length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    return int(head[at + 17 :].split(b"\r\n", 1)[0])
