"""Who may work at one time, and who may send: slow phones must not hold up the others.

Granian gives each request a thread and reads a body as slowly as it comes. So there are many threads (`Procfile`), of
which few work at one time; while a body comes in, its thread lets another one work. Bodies never take all threads, and
one address never takes all bodies.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from flask import Flask, request
from werkzeug.exceptions import LengthRequired

from khata.errors import Busy, TooLarge

AT_WORK = 4
AT_LENGTH = 2  # of those, what takes seconds: previews of long lists, exports
MOST_ASKING = 8  # waiting for a gateway's answer
MOST_BODIES = 48  # of the 64 threads in Procfile: the others are for who only reads
MOST_BODIES_OF_AN_ADDRESS = 16
KEEP_ALIVE = {socket.TCP_KEEPIDLE: 60, socket.TCP_KEEPINTVL: 20, socket.TCP_KEEPCNT: 3}
TURN = "khata.turn"  # the key in the WSGI environment
OPEN_FILES = Path("/proc/self/fd")
P = ParamSpec("P")
R = TypeVar("R")


class Bodies:
    """The bodies that are on their way in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_address: Counter[str] = Counter()

    @contextlib.contextmanager
    def one_of(self, address: str) -> Iterator[None]:
        """A place for a body from `address`; raises Busy where there is none."""
        with self._lock:
            if self._by_address.total() >= MOST_BODIES or self._by_address[address] >= MOST_BODIES_OF_AN_ADDRESS:
                raise Busy
            self._by_address[address] += 1
        try:
            yield
        finally:
            with self._lock:
                self._by_address[address] -= 1
                if not self._by_address[address]:
                    del self._by_address[address]


class Turns:
    """WSGI: lets `AT_WORK` requests work at one time."""

    def __init__(self, wsgi_app: Any) -> None:
        self.wsgi_app = wsgi_app
        self._turns = threading.Semaphore(AT_WORK)
        self._bodies = Bodies()
        self._asks_silent = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request when its turn has come."""
        environ[TURN] = self
        with self._turns:
            answer: Iterable[bytes] = self.wsgi_app(environ, start_response)
            return answer

    @contextlib.contextmanager
    def waiting_for_body(self, address: str) -> Iterator[None]:
        """Let another one work meanwhile; raises Busy."""
        with self._bodies.one_of(address):
            if not self._asks_silent:
                self._asks_silent = True  # not earlier: Granian listens only once the application is there
                end_dead_connections()
            with self.let_another_work():
                yield

    @contextlib.contextmanager
    def let_another_work(self) -> Iterator[None]:
        """Give the turn away, and wait for one again."""
        self._turns.release()
        try:
            yield
        finally:
            self._turns.acquire()


def init_app(app: Flask) -> None:
    """Stand before everything else; called last."""
    app.wsgi_app = Turns(app.wsgi_app)  # type: ignore[method-assign]


_asking = threading.BoundedSemaphore(MOST_ASKING)
_long_ones = threading.BoundedSemaphore(AT_LENGTH)


def takes_long(view: Callable[P, R]) -> Callable[P, R]:
    """Few requests at one time may be in this view and its like; the next one is told to come again: raises Busy."""

    @functools.wraps(view)
    def one_of_few(*args: P.args, **kwargs: P.kwargs) -> R:
        if not _long_ones.acquire(blocking=False):
            raise Busy
        try:
            return view(*args, **kwargs)
        finally:
            _long_ones.release()

    return one_of_few


def read_body(most_bytes: int) -> None:
    """Take in the whole body, as long as it says it is; raises TooLarge, Busy, LengthRequired or ClientDisconnected.

    Granian calls a body finished where the connection broke, so its length is asked for and held against it: of
    "amount=1234" the first half is an amount too.
    """
    _take_in(most_bytes, lambda: request.get_data(parse_form_data=True))


def read_raw_body(most_bytes: int) -> None:
    """Take in the whole body as it is, for `request.get_data()`; raises as `read_body`."""
    _take_in(most_bytes, request.get_data)


def _take_in(most_bytes: int, read: Callable[[], object]) -> None:
    if "Transfer-Encoding" in request.headers:
        raise LengthRequired  # in pieces, no end can be told from a break; no browser sends a form so
    request.environ.pop("wsgi.input_terminated", None)
    request.max_content_length = most_bytes
    if (request.content_length or 0) > most_bytes:
        raise TooLarge
    turns: Turns | None = request.environ.get(TURN)
    if turns is None or not request.content_length:
        read()
        return
    with turns.waiting_for_body(request.remote_addr or ""):
        read()


@contextlib.contextmanager
def waiting_for_others() -> Iterator[None]:
    """Let another request work while this one asks somebody else's server; raises Busy where many do."""
    if not _asking.acquire(blocking=False):
        raise Busy
    try:
        with _without_turn(request.environ.get(TURN)):
            yield
    finally:
        _asking.release()


@contextlib.contextmanager
def _without_turn(turns: Turns | None) -> Iterator[None]:
    if turns is None:
        yield
        return
    with turns.let_another_work():
        yield


def end_dead_connections() -> None:
    """Let the system ask phones that are silent whether they are still there; who went away is given up in 2 minutes.

    Every connection takes this over from the socket that the server accepts it on.
    """
    if not OPEN_FILES.is_dir():
        return  # not on Linux
    for file in OPEN_FILES.iterdir():
        with contextlib.suppress(OSError):
            if file.readlink().name.startswith("socket:"):
                _keep_alive(int(file.name))


def _keep_alive(descriptor: int) -> None:
    with socket.socket(fileno=socket.dup(descriptor)) as found:
        if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEP_ALIVE.items():
                found.setsockopt(socket.IPPROTO_TCP, option, value)
