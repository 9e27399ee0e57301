"""One application and database a worker; every test starts with an empty database and a cast of three."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

_DATA = Path(tempfile.mkdtemp(prefix="khata-test-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
os.environ.update(
    KHATA_DATA_DIR=str(_DATA),
    KHATA_QUEUE_URL=f"sqlite:///{_DATA / 'queue.db'}",
    KHATA_SECRET_KEY="the-tests-own-key-the-tests-own-key",
)
for name in ("DATABASE_URL", "PUBLIC_URL", "SMS_URL", "WHATSAPP_URL", "EMAIL_URL", "PUSH_URL", "APPRISE_URLS"):
    os.environ.pop(f"KHATA_{name}", None)
for name in ("KHATA_METRICS_TOKEN", "KHATA_GATEWAY_URLS", "KHATA_ALLOW_TEST_GATEWAY"):
    os.environ.pop(name, None)

import sqlalchemy as sa  # noqa: E402
from alembic.config import Config  # noqa: E402
from argon2 import PasswordHasher  # noqa: E402
from flask import Flask  # noqa: E402
from flask_migrate import upgrade  # noqa: E402

from khata import create_app  # noqa: E402
from khata.core import hashing  # noqa: E402
from khata.core.db import Base, db  # noqa: E402
from khata.extensions import migrate  # noqa: E402
from khata.settings import load_settings  # noqa: E402
from tasks import huey  # noqa: E402
from tests.client import Browser, sign_in  # noqa: E402

hashing.hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # in life a code's hash takes 20 ms

pytest_plugins = ["tests.databases"]
hypothesis.settings.register_profile("khata", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("khata")


@pytest.fixture(scope="session")
def app() -> Iterator[Flask]:
    """The application on this worker's own database, with tasks run at once."""
    if os.environ.get("KHATA_TEST_DATABASE") == "postgresql":
        from tests.databases import LOGIN, as_login, worker_database

        owner_url = worker_database()
        os.environ["KHATA_DATABASE_URL"] = as_login(owner_url, LOGIN)
        _migrate_as_owner(owner_url)
    application = create_app(load_settings())
    huey.immediate = True
    with application.app_context():
        upgrade()
    yield application
    with application.app_context():
        db.engine.dispose()


def _migrate_as_owner(url: str) -> None:
    """The application's own login owns no table, and may make none."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)

    @migrate.configure
    def as_owner(config: Config) -> Config:
        config.attributes["engine"] = engine
        return config


@pytest.fixture(autouse=True)
def _empty(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing of a test is left for the next."""
    yield
    if "app" in request.fixturenames:
        application: Flask = request.getfixturevalue("app")
        with application.app_context():
            db.session.remove()
            with db.engine.begin() as connection:
                for table in reversed(Base.metadata.sorted_tables):
                    connection.execute(table.delete())
        (_DATA / "outbox.jsonl").unlink(missing_ok=True)


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """An application context, for tests of actions and queries."""
    with app.app_context():
        yield app


@pytest.fixture
def data_dir() -> Path:
    """Where this worker's installation keeps its files."""
    return _DATA


@pytest.fixture
def visitor(app: Flask) -> Browser:
    """A browser that nobody signed in on."""
    return Browser(app)


@pytest.fixture
def open_shop(app: Flask) -> Callable[..., Browser]:
    """Make a signed-in browser with a shop of its own: open_shop("+919876500001", name="Asha Store")."""

    def make(phone: str, **shop: str) -> Browser:
        browser = Browser(app)
        sign_in(browser, phone)
        browser.post("/shops/new", {"name": "Asha Store", "category": "grocery", **shop}, then="/")
        return browser

    return make


@pytest.fixture
def owner(open_shop: Callable[..., Browser]) -> Browser:
    """The owner of a shop in India."""
    return open_shop("+919876543210")


@pytest.fixture
def stranger(open_shop: Callable[..., Browser]) -> Browser:
    """The owner of another shop."""
    return open_shop("+919812345678", name="Other Store")


@pytest.fixture
def dollar_owner(open_shop: Callable[..., Browser]) -> Browser:
    """The owner of a shop in the United States."""
    return open_shop("+12125550123", name="Corner Store")
