"""Settings of the sandbox, read once from the environment."""

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from paylink_sandbox.errors import ConfigError

MERCHANT = "Demo Store"
"""The shop that the payment pages name."""

_REPOSITORY = Path(__file__).resolve().parents[2]
_ENVIRONMENTS = ("local", "test")
_LISTEN = ("127.0.0.1", "0.0.0.0")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True)
class Config:
    """
    environment: kept for the provider folders, which read their own credentials from it.
    listen: the address to listen on. host: the name, beside localhost, under which programs reach this sandbox; may be
        localhost. public_url: where PayLink is reached; webhooks go to `{public_url}/v1/webhook/{slug}`.
    time_scale: provider seconds that pass in one real second, for retries and what else takes it days. Expiry times
        are dates that the merchant chose, so they follow the plain clock.
    clock: epoch seconds. chance: decides the order and repetition of webhooks.
    """

    environment: Mapping[str, str] = field(repr=False)
    home: Path
    listen: str
    port: int
    host: str
    providers: tuple[str, ...]
    public_url: str
    time_scale: float
    log_level: str
    clock: Callable[[], float] = time.time
    chance: random.Random = field(default_factory=random.Random)

    @property
    def url(self) -> str:
        """Address of this sandbox as a browser on this machine opens it."""
        return f"http://localhost:{self.port}"

    @property
    def database(self) -> Path:
        return self.home / "sandbox" / "sandbox.db"

    def webhook_url(self, slug: str) -> str:
        return f"{self.public_url}/v1/webhook/{slug}"

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.time,
        seed: int | None = None,
    ) -> "Config":
        """Raises ConfigError that names every wrong setting at once."""
        problems: list[str] = []
        stage = environment.get("PAYLINK_ENVIRONMENT", "local")
        if stage not in _ENVIRONMENTS:
            problems.append(f"the sandbox runs only with PAYLINK_ENVIRONMENT local or test, not {stage!r}")
        public_url = environment.get("PAYLINK_PUBLIC_URL", "http://localhost:8080").rstrip("/")
        if not _is_http_url(public_url):
            problems.append("PAYLINK_PUBLIC_URL must be an http or https address")
        listen = environment.get("PAYLINK_LISTEN_ADDRESS") or _LISTEN[0]
        if listen not in _LISTEN:
            problems.append(f"PAYLINK_LISTEN_ADDRESS must be {' or '.join(_LISTEN)}")
        host = environment.get("PAYLINK_SANDBOX_HOST") or "localhost"
        if not _HOST.fullmatch(host):
            problems.append("PAYLINK_SANDBOX_HOST must be the name of a host, in lower case")
        port = _number(environment, "PAYLINK_SANDBOX_PORT", "8081", problems)
        if not (port.is_integer() and 1 <= port <= 65535):
            problems.append("PAYLINK_SANDBOX_PORT must be a port number")
        time_scale = _number(environment, "PAYLINK_SANDBOX_TIME_SCALE", "3600", problems)
        if not 1 <= time_scale <= 1_000_000:
            problems.append("PAYLINK_SANDBOX_TIME_SCALE must lie between 1 and 1000000")
        slugs = [slug.strip() for slug in environment.get("PAYLINK_PROVIDERS", "").split(",")]
        providers = tuple(dict.fromkeys(slug for slug in slugs if slug))
        if not providers:
            problems.append("PAYLINK_PROVIDERS names no provider")
        if problems:
            raise ConfigError("; ".join(problems))
        return cls(
            environment=dict(environment),
            home=Path(environment.get("PAYLINK_HOME") or _REPOSITORY / ".paylink").expanduser().absolute(),
            listen=listen,
            port=int(port),
            host=host,
            providers=providers,
            public_url=public_url,
            time_scale=time_scale,
            log_level=environment.get("PAYLINK_LOG_LEVEL", "INFO").upper(),
            clock=clock,
            chance=random.Random(seed),
        )


def _number(environment: Mapping[str, str], name: str, default: str, problems: list[str]) -> float:
    try:
        return float(environment.get(name) or default)
    except ValueError:
        problems.append(f"{name} must be a number")
        return float(default)


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False
