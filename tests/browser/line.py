"""A line between browser and server that can be cut; a browser's own switch does not reach its workers."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Line:
    """Passes bytes on from a port of its own to `port`, while it is up."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.is_up = True
        self.lost_request: bytes | None = None
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self._losing: socket.socket | None = None  # the end that the answer will come from
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Nothing passes any more, and what was on its way is lost."""
        self.is_up = False
        with self._lock:
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def cut_at_answer_to(self, request: bytes) -> None:
        """The next request that begins so gets through; its answer is lost, and the line with it."""
        self.lost_request = request

    def mend(self) -> None:
        """It passes again."""
        self.is_up, self.lost_request = True, None

    def close(self) -> None:
        """Hang up."""
        self.cut()
        self.listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _address = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near:
            if not self.is_up:
                return
            with socket.create_connection(("127.0.0.1", self.port)) as far:
                with self._lock:
                    self._ends |= {near, far}
                back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
                back.start()
                self._pass(near, far)
                back.join()
                with self._lock:
                    self._ends -= {near, far}

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while self.is_up and (data := source.recv(65536)):
                if self._losing is source:
                    self._losing = None
                    self.cut()
                elif self.lost_request is not None and data.startswith(self.lost_request):
                    self.lost_request, self._losing = None, sink
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line that hangs up with the block."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
