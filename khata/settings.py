"""Settings from the environment, typed, each wrong one named at start."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from khata.core.gateway_urls import parse_gateway_url, refuse_test_gateway
from khata.messages import channels

ROOT = Path(__file__).resolve().parent.parent
CHANNEL_SETTINGS = {
    "sms": "KHATA_SMS_URL",
    "whatsapp": "KHATA_WHATSAPP_URL",
    "email": "KHATA_EMAIL_URL",
    "push": "KHATA_PUSH_URL",
    "apprise": "KHATA_APPRISE_URLS",
}


class SettingsError(Exception):
    """One or more settings are wrong; the message names each."""


@dataclass(frozen=True)
class Settings:
    """All settings of one installation; README lists them."""

    data_dir: Path
    database_url: str = field(repr=False)
    queue_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    public_url: str
    sms_url: str = field(repr=False)
    trusted_proxies: int
    metrics_token: str = field(repr=False)
    whatsapp_url: str = field(default="", repr=False)
    email_url: str = field(default="", repr=False)
    push_url: str = field(default="", repr=False)
    apprise_urls: str = field(default="", repr=False)
    gateway_urls: tuple[str, ...] = field(default=(), repr=False)
    allow_test_gateway: bool = False

    @property
    def is_https(self) -> bool:
        """True where people reach this installation over https."""
        return self.public_url.startswith("https://")

    @property
    def own_url(self) -> str:
        """Where this machine itself reaches it, for links made where no public address is set."""
        return f"http://{os.environ.get('KHATA_HOST') or '127.0.0.1'}:{os.environ.get('KHATA_PORT') or '8000'}"

    @property
    def channel_urls(self) -> dict[str, str]:
        """The URL of each channel that is set up, by the channel's name."""
        urls = {
            "sms": self.sms_url,
            "whatsapp": self.whatsapp_url,
            "email": self.email_url,
            "push": self.push_url,
            "apprise": self.apprise_urls,
        }
        return {name: url for name, url in urls.items() if url}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings read from `environ` (the process's own by default); raises SettingsError naming every wrong one."""
    env = os.environ if environ is None else environ
    wrong: list[str] = []
    data_dir = Path(env.get("KHATA_DATA_DIR") or ROOT / "var").resolve()
    settings = Settings(
        data_dir=data_dir,
        database_url=_database_url(env.get("KHATA_DATABASE_URL") or f"sqlite:///{data_dir / 'khata.db'}", wrong),
        queue_url=_queue_url(env.get("KHATA_QUEUE_URL") or f"sqlite:///{data_dir / 'queue.db'}", wrong),
        secret_key=env.get("KHATA_SECRET_KEY", ""),
        public_url=_public_url(env.get("KHATA_PUBLIC_URL", ""), wrong),
        sms_url=env.get("KHATA_SMS_URL") or "console:",
        trusted_proxies=_count("KHATA_TRUSTED_PROXIES", env, wrong),
        metrics_token=env.get("KHATA_METRICS_TOKEN", ""),
        whatsapp_url=env.get("KHATA_WHATSAPP_URL", ""),
        email_url=env.get("KHATA_EMAIL_URL", ""),
        push_url=env.get("KHATA_PUSH_URL", ""),
        apprise_urls=env.get("KHATA_APPRISE_URLS", ""),
        gateway_urls=tuple(env.get("KHATA_GATEWAY_URLS", "").split()),
        allow_test_gateway=_switch("KHATA_ALLOW_TEST_GATEWAY", env, wrong),
    )
    _check_channels(settings, wrong)
    _check_gateways(settings, wrong)
    if settings.secret_key and len(settings.secret_key) < 32:
        wrong.append("KHATA_SECRET_KEY must have at least 32 characters")
    if wrong:
        raise SettingsError("; ".join(wrong))
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not settings.secret_key:
        object.__setattr__(settings, "secret_key", _kept_secret_key(data_dir / "secret_key"))
    return settings


def _database_url(url: str, wrong: list[str]) -> str:
    if url.startswith(("postgres://", "postgresql://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        wrong.append("KHATA_DATABASE_URL must start with sqlite:/// or postgresql://")
    return url


def _queue_url(url: str, wrong: list[str]) -> str:
    if not url.startswith(("sqlite:///", "redis://", "rediss://", "postgresql://")):
        wrong.append("KHATA_QUEUE_URL must start with sqlite:///, redis:// or postgresql://")
    return url


def _public_url(url: str, wrong: list[str]) -> str:
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
        wrong.append("KHATA_PUBLIC_URL must be a whole http:// or https:// address")
    return url.rstrip("/")


def _check_channels(settings: Settings, wrong: list[str]) -> None:
    for name, url in settings.channel_urls.items():
        try:
            channels.build(name, url, settings.data_dir)
        except channels.WrongUrl as error:
            wrong.append(f"{CHANNEL_SETTINGS[name]} {error}")


def _check_gateways(settings: Settings, wrong: list[str]) -> None:
    """Name by its place what is wrong with a gateway's address: the address itself is full of keys."""
    seen = set()
    for number, url in enumerate(settings.gateway_urls, 1):
        try:
            found = parse_gateway_url(url)
            refuse_test_gateway(found, settings.public_url, settings.allow_test_gateway)
            if found.name in seen:
                raise ValueError(f"{found.name}:// stands there twice")
            seen.add(found.name)
        except ValueError as error:
            wrong.append(f"KHATA_GATEWAY_URLS, address {number}: {error}")


def _switch(name: str, env: Mapping[str, str], wrong: list[str]) -> bool:
    text = env.get(name) or "0"
    if text not in ("0", "1"):
        wrong.append(f"{name} must be 0 or 1")
    return text == "1"


def _count(name: str, env: Mapping[str, str], wrong: list[str]) -> int:
    text = env.get(name, "0")
    if not (text.isascii() and text.isdigit()):
        wrong.append(f"{name} must be a whole number")
        return 0
    return int(text)


def _kept_secret_key(path: Path) -> str:
    """The key made at the first start and kept beside the data, readable by its owner only."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    return path.read_text(encoding="ascii")
