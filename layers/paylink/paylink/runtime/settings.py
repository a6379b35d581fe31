"""Settings: read once from the environment at cold start, every error told at once."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.edge.limits import Limit
from paylink.edge.sources import TrustedProxies
from paylink.runtime.log_lines import FORMAT_SETTING, LOG_FORMATS
from paylink.runtime.secret_bundle import BUNDLE, read_bundle
from paylink.runtime.traces import ENDPOINT, TRACES_ENDPOINT

ENVIRONMENTS = ("local", "test", "production")
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_AS_IT_SUITS = ""
_RATE_MAX = 100_000
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?\Z", re.ASCII)

T = TypeVar("T")


class InvalidSettings(Exception):
    """Some settings are missing or wrong; the message has a line for each."""


@dataclass(frozen=True)
class Settings:
    environment: str
    database_url: Secret
    redis_url: Secret
    sql_dir: Path
    public_url: str
    providers: tuple[str, ...]
    master_keys: Keyring = field(repr=False)
    api_key_peppers: Keyring = field(repr=False)
    webhook_queue_url: str
    dead_letter_queue_url: str
    reconciliation_queue_url: str
    metrics_dir: Path | None
    """Where this machine's processes keep what they count; None where none does."""
    raw_body_days: int
    key_limit: Limit
    merchant_limit: Limit
    bad_key_limit: Limit
    remember_keys_s: int
    trusted_proxies: TrustedProxies
    cors_origins: tuple[str, ...]
    log_level: str
    log_format: str
    environ: Mapping[str, str] = field(repr=False)
    """The whole environment, for the settings that provider folders read themselves."""

    @property
    def demo_keys(self) -> bool:
        """Whether API keys that were made for a demo are let in."""
        return self.environment != "production"

    @property
    def webhook_queue(self) -> str:
        """The name of the queue that events go through."""
        return self.webhook_queue_url.rpartition("/")[2]

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """
        Raises:
            InvalidSettings: With one line per wrong or missing variable.
        """
        read = _Reader(environ)
        per_s = read.number("PAYLINK_RATE_LIMIT_PER_S", 50, 1, _RATE_MAX)
        burst = read.number("PAYLINK_RATE_LIMIT_BURST", 100, 1, _RATE_MAX)
        bad_keys = read.number("PAYLINK_BAD_KEYS_PER_MIN", 30, 1, _RATE_MAX)
        settings = cls(
            environment=read.choice("PAYLINK_ENVIRONMENT", ENVIRONMENTS),
            database_url=Secret(read.text("PAYLINK_DATABASE_URL")),
            redis_url=Secret(read.text("PAYLINK_REDIS_URL")),
            sql_dir=Path(read.text("PAYLINK_SQL_DIR", str(default_sql_dir()))),
            public_url=read.text("PAYLINK_PUBLIC_URL", ""),
            providers=tuple(p.strip() for p in read.text("PAYLINK_PROVIDERS").split(",") if p.strip()),
            master_keys=read.keyring("PAYLINK_MASTER_KEYS"),
            api_key_peppers=read.keyring("PAYLINK_API_KEY_PEPPERS"),
            webhook_queue_url=read.text("PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"),
            dead_letter_queue_url=read.text("PAYLINK_WEBHOOK_EVENTS_DEAD_QUEUE_URL"),
            reconciliation_queue_url=read.text("PAYLINK_RECONCILIATION_QUEUE_URL"),
            metrics_dir=read.folder("PAYLINK_METRICS_DIR"),
            raw_body_days=read.number("PAYLINK_RAW_BODY_DAYS", 90, 8, 3650),
            key_limit=Limit(per_s, burst),
            merchant_limit=Limit(
                read.number("PAYLINK_MERCHANT_RATE_LIMIT_PER_S", 2 * per_s, 1, 2 * _RATE_MAX),
                read.number("PAYLINK_MERCHANT_RATE_LIMIT_BURST", 2 * burst, 1, 2 * _RATE_MAX),
            ),
            bad_key_limit=Limit(bad_keys / 60, bad_keys),
            remember_keys_s=read.number("PAYLINK_REMEMBER_KEYS_S", 3, 0, 60),
            trusted_proxies=read.trusted_proxies("PAYLINK_TRUSTED_PROXIES"),
            cors_origins=read.origins("PAYLINK_CORS_ORIGINS"),
            log_level=read.choice("PAYLINK_LOG_LEVEL", _LOG_LEVELS, "INFO"),
            log_format=read.choice(FORMAT_SETTING, LOG_FORMATS, _AS_IT_SUITS),
            environ=MappingProxyType(dict(environ)),
        )
        read.check_traces()
        if read.errors:
            raise InvalidSettings("\n".join(read.errors))
        return settings


def default_sql_dir() -> Path:
    """Return the repository's `sql/`, seen from the package installed in place."""
    return Path(__file__).resolve().parents[4] / "sql"


class _Reader:
    """Reads variables and gathers what is wrong, instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.errors: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environ.get(name, "").strip() or default
        if value is None:
            self.errors.append(f"{name} is not set")
            return ""
        return value

    def folder(self, name: str) -> Path | None:
        text = self._environ.get(name, "").strip()
        return Path(text) if text else None

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(name, default)
        if value and value not in choices:
            self.errors.append(f"{name} is one of {', '.join(choices)}, not {value!r}")
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            self.errors.append(f"{name} is a whole number from {least} to {most}")
            return default
        return int(text)

    def keyring(self, name: str) -> Keyring:
        text = self.text(name)
        return self._or_error(lambda: Keyring.parse(name, Secret(text)), Keyring("", {})) if text else Keyring("", {})

    def trusted_proxies(self, name: str) -> TrustedProxies:
        text = self._environ.get(name, "")
        return self._or_error(lambda: TrustedProxies.parse(name, text), TrustedProxies())

    def origins(self, name: str) -> tuple[str, ...]:
        origins = tuple(origin.strip() for origin in self._environ.get(name, "").split(",") if origin.strip())
        if not all(_ORIGIN.match(origin) for origin in origins):
            self.errors.append(f"{name} is a comma-separated list of origins such as https://shop.example.com")
        return origins

    def check_traces(self) -> None:
        """Check how traces are exported, which runtime/traces.py reads before the other settings are read."""
        if self._environ.get(ENDPOINT) or self._environ.get(TRACES_ENDPOINT):
            from paylink.runtime.trace_settings import TraceSettings

            self._or_error(lambda: TraceSettings.from_environ(self._environ), None)

    def _or_error(self, read: Callable[[], T], instead: T) -> T:
        try:
            return read()
        except ValueError as exc:
            self.errors.append(str(exc))
            return instead


def from_process() -> Settings:
    """
    Read this process' environment. What `PAYLINK_SECRETS` holds becomes part of it: PG* is read by libpq itself.

    Raises:
        InvalidSettings: See `Settings.from_environ`.
    """
    try:
        os.environ.update(read_bundle(os.environ.get(BUNDLE, "")))
    except ValueError as exc:
        raise InvalidSettings(str(exc)) from None
    return Settings.from_environ(os.environ)
