"""The load: a process of its own that keeps a few connections busy and says how many answers came a second.

It reads one JSON object a line, {"port", "request", "status", "seconds"}, and writes one number a line.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO

from bench.servers import ROOT
from bench.wire import Connection

CONNECTIONS = 4


class Load:
    """The other end of the load process."""

    def __init__(self, ask: IO[str], answer: IO[str]) -> None:
        self._ask, self._answer = ask, answer

    def requests_per_second(self, port: int, sent: bytes, status: int = 200, seconds: float = 0.3) -> float:
        """How many answers of `status` the server on `port` gives a second to `sent`; any other status fails."""
        order = {"port": port, "request": sent.decode("latin-1"), "status": status, "seconds": seconds}
        self._ask.write(json.dumps(order) + "\n")
        self._ask.flush()
        return float(self._answer.readline())


@contextlib.contextmanager
def load() -> Iterator[Load]:
    """Start the load process; it ends with the block."""
    command = [sys.executable, "-m", "bench.load"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdin
        assert process.stdout
        yield Load(process.stdin, process.stdout)
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(10)


def _run(connections: list[Connection], sent: bytes, status: int, seconds: float) -> float:
    """Answers a second: each connection asks again as soon as it is answered, until the time is over."""
    count, asking = 0, len(connections)
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        started = time.perf_counter()
        stop_at = started + seconds
        for connection in connections:
            connection.socket.sendall(sent)
        while asking:
            for key, _events in selector.select():
                answer = key.data.receive()
                if answer is None:
                    continue
                if answer.status != status:
                    raise RuntimeError(f"status {answer.status}, not {status}")
                count += 1
                if time.perf_counter() < stop_at:
                    key.data.socket.sendall(sent)
                else:
                    asking -= 1
        return count / (time.perf_counter() - started)


def _serve_orders() -> None:
    open_to: dict[int, list[Connection]] = {}
    for line in sys.stdin:
        order = json.loads(line)
        port = order["port"]
        if port not in open_to:
            open_to[port] = [Connection(port) for _ in range(CONNECTIONS)]
        rate = _run(open_to[port], order["request"].encode("latin-1"), order["status"], order["seconds"])
        print(rate, flush=True)


if __name__ == "__main__":
    _serve_orders()
