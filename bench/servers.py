"""Granian with one worker and the options of the Procfile, on free ports of this machine."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_SECONDS = 60


@contextlib.contextmanager
def serve(target: str, environ: Mapping[str, str] | None = None) -> Iterator[int]:
    """The port where `target` (module:app) is served until the block ends; `environ` is added to the environment."""
    port = _free_port()
    command = [sys.executable, "-m", "granian", *_options(), "--host", "127.0.0.1", "--port", str(port), target]
    if mortal := shutil.which("setpriv"):  # a bench that is killed leaves no server behind
        command = [mortal, "--pdeathsig", "TERM", *command]
    server = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(environ or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_up(server, port)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _options() -> list[str]:
    """What the Procfile gives to Granian, up to the address."""
    line = next(line for line in (ROOT / "Procfile").read_text("utf-8").splitlines() if line.startswith("web:"))
    words = shlex.split(line)
    return words[words.index("granian") + 1 : words.index("--host")]


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _wait_until_up(server: subprocess.Popen[bytes], port: int) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_SECONDS
    while server.poll() is None and time.monotonic() < give_up_at:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the server on port {port} did not start")
