"""The environment variables of the running stack, for its processes and for commands run beside it."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from paylink_local.instance import load_environment
from paylink_local.services.http import port_of
from paylink_local.services.localstack import PORT_DEFAULT, PORT_SETTING, LocalStack
from paylink_local.services.postgres import Postgres
from paylink_local.services.valkey import Valkey
from paylink_local.supervisor.home import Home

_LOOPBACK = ("localhost", "127.0.0.1")
_OF_THE_SANDBOX = {
    "PAYLINK_ENVIRONMENT",
    "PAYLINK_HOME",
    "PAYLINK_LISTEN_ADDRESS",
    "PAYLINK_LOG_LEVEL",
    "PAYLINK_PROVIDERS",
    "PAYLINK_PUBLIC_URL",
    "PAYLINK_SANDBOX_HOST",
    "PAYLINK_SANDBOX_PORT",
    "PAYLINK_SANDBOX_TIME_SCALE",
}


def embedded_environment(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """
    Return `environ` with all PAYLINK_* settings filled in and the addresses of the embedded services.

    A person's own AWS settings are left out, so that nothing reaches a real account.

    Raises:
        CannotRun: A setting is wrong.
    """
    settings = load_environment(home.path, environ)
    port = port_of(settings, PORT_SETTING, PORT_DEFAULT)
    inherited = {name: value for name, value in environ.items() if not name.startswith("AWS_")}
    # Set by some machines: every start would compile all modules again.
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    return {
        **inherited,
        **settings,
        "PAYLINK_HOME": str(home.path),
        "PAYLINK_DATABASE_URL": Postgres(home, password=settings["PAYLINK_DATABASE_PASSWORD"]).url,
        "PAYLINK_REDIS_URL": Valkey(home).url,
        **LocalStack(home, port=port).environ,
        **{name: _with_loopback(inherited.get(name, "")) for name in ("NO_PROXY", "no_proxy")},
    }


def simulated_providers(environ: Mapping[str, str]) -> list[str]:
    """Return the enabled providers whose API is the sandbox's, and not a real one's."""
    slugs = [slug.strip() for slug in environ["PAYLINK_PROVIDERS"].split(",") if slug.strip()]
    hosts = {*_LOOPBACK, environ.get("PAYLINK_SANDBOX_HOST") or "localhost"}
    sandbox = {f"{host}:{environ['PAYLINK_SANDBOX_PORT']}" for host in hosts}
    return [slug for slug in slugs if urlsplit(environ[f"PAYLINK_{slug.upper()}_API_BASE"]).netloc in sandbox]


def sandbox_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """
    Return what the sandbox may know of `environ`: its settings and those of the providers that it simulates.

    It gets no key or address of PayLink, and no credential of a real provider.
    """
    slugs = simulated_providers(environ)
    providers = tuple(f"PAYLINK_{slug.upper()}_" for slug in slugs)
    passed = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("PAYLINK_", "AWS_", "OTEL_")) or name in _OF_THE_SANDBOX or name.startswith(providers)
    }
    return passed | {"PAYLINK_PROVIDERS": ",".join(slugs)}


def _with_loopback(no_proxy: str) -> str:
    names: Iterable[str] = (*filter(None, no_proxy.split(",")), *_LOOPBACK)
    return ",".join(dict.fromkeys(names))
