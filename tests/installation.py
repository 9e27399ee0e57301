"""A whole Khata on this machine, as the Procfile starts it: data folder, web server, worker; each can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 60  # the machine may be busy; what is waited for mostly comes in a moment


class Installation:
    """One installation in `folder`; SQLite there, or the database of `database_url`."""

    def __init__(self, folder: Path, database_url: str | None = None, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        queue = {"KHATA_QUEUE_URL": f"sqlite:///{folder / 'queue.db'}"}
        database = {"KHATA_DATABASE_URL": database_url or f"sqlite:///{folder / 'khata.db'}"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KHATA_")}
        where = {"KHATA_DATA_DIR": str(folder), "KHATA_PORT": str(self.port), "KHATA_HOST": "127.0.0.1"}
        self.environ = {**kept, **queue, **database, **where, "PYTHONUNBUFFERED": "1", **settings}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start_web(self) -> None:
        """Start the web server and wait until it answers."""
        self._start("web")
        wait_for(self._answers, "the web server")

    def start_worker(self) -> None:
        """Start the worker; it looks at once for what was missed."""
        self._start("worker")

    def kill(self, name: str) -> None:
        """SIGKILL "web" or "worker" with all its processes: nothing of it may finish what it was doing."""
        process = self._running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End what still runs."""
        for name in list(self._running):
            process = self._running[name]
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(3)
            self.kill(name)

    def flask(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `flask --app app …` to its end."""
        done = subprocess.run(self.command(*words), cwd=ROOT, env=self.environ, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def command(self, *words: str) -> list[str]:
        """The command line of `flask --app app …`."""
        return [sys.executable, "-m", "flask", "--app", "app", *words]

    def messages(self, to: str) -> list[dict[str, Any]]:
        """What the console channel has sent to a number."""
        path = self.folder / "outbox.jsonl"
        lines = path.read_text("utf-8").split("\n")[:-1] if path.exists() else []
        return [message for message in map(json.loads, lines) if message["to"] == to]

    def code_for(self, phone: str, after: int = 0) -> str:
        """The sign-in code sent to `phone` as message number `after` (from 0)."""
        sent = wait_for(lambda: self.messages(phone)[after:], f"a code for {phone}")
        return str(re.findall(r"\b\d{6}\b", sent[0]["body"])[0])

    def client(self) -> httpx.Client:
        """A phone without script: follows nothing, and sends Origin as a browser does."""
        return httpx.Client(base_url=self.url, headers={"Origin": self.url}, timeout=PATIENCE_SECONDS)

    def open_shop(self, client: httpx.Client, phone: str, name: str = "Asha Store") -> None:
        """Sign `client` in and make a shop."""
        sent = len(self.messages(phone))
        assert client.post("/sign-in", data={"phone": phone}).status_code == 303
        assert client.post("/sign-in/code", data={"code": self.code_for(phone, sent)}).status_code == 303
        assert client.post("/shops/new", data={"name": name, "category": "grocery"}).status_code == 303

    def _start(self, name: str) -> None:
        line = _procfile()[name].replace(".venv/bin/python", sys.executable)
        command = ["sh", "-c", line]
        if mortal := shutil.which("setpriv"):  # where the tests are killed, nothing of theirs stays behind
            command = [mortal, "--pdeathsig", "TERM", *command]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, cwd=ROOT, env=self.environ, stdout=log, stderr=log, process_group=0
            )

    def _answers(self) -> bool:
        web = self._running["web"]
        assert web.poll() is None, (self.folder / "web.log").read_text("utf-8", "replace")[-2000:]
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz").status_code == 200
        return False


@contextlib.contextmanager
def installed(folder: Path, database_url: str | None = None, **settings: str) -> Iterator[Installation]:
    """An installation with its tables made; all that was started is ended with the block."""
    installation = Installation(folder, database_url, **settings)
    try:
        installation.flask("db", "upgrade")
        yield installation
    finally:
        installation.stop()


def wait_for(look: Callable[[], Any], what: str) -> Any:
    """What `look` gives, once it gives something true; fails where that takes too long."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_SECONDS} seconds for {what}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)
