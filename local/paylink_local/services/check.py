"""Settings are checked before anything starts: a wrong one would stop a process only after a minute of trying."""

import re
from collections.abc import Iterator, Mapping

from paylink.providers.registry import enabled_providers
from paylink.runtime.settings import InvalidSettings, Settings
from paylink_local.services.environment import simulated_providers
from paylink_local.services.http import port_of
from paylink_local.services.localstack import PORT_DEFAULT, PORT_SETTING
from paylink_local.settings import SettingsError, whole_number
from paylink_local.supervisor.errors import CannotRun
from paylink_sandbox.config import Config
from paylink_sandbox.errors import ConfigError

_PORTS = {"PAYLINK_API_PORT": 8080, "PAYLINK_SANDBOX_PORT": 8081, PORT_SETTING: PORT_DEFAULT}
_NUMBERS = {"PAYLINK_GATEWAY_PROCESSES": (2, 1, 64), "PAYLINK_SCHEDULE_RATE_MAX_S": (10, 1, 86_400)}
"""Default, least and most, as the gateway and the worker read them."""
NOT_FOR_PRODUCTION = "PAYLINK_ENVIRONMENT=production is not for the embedded stack: leave it out, or set local"
_KNOWN_LATER = (
    "PAYLINK_DATABASE_URL",
    "PAYLINK_REDIS_URL",
    "PAYLINK_RECONCILIATION_QUEUE_URL",
    "PAYLINK_WEBHOOK_EVENTS_QUEUE_URL",
    "PAYLINK_WEBHOOK_EVENTS_DEAD_QUEUE_URL",
)


def check_settings(settings: Mapping[str, str], given: Mapping[str, str]) -> None:
    """
    settings: of this machine (`load_environment`). given: what of them a person set.

    Raises:
        CannotRun: With a line for each wrong setting.
    """
    problems: dict[str, str] = {}
    for line in _problems(settings, given):
        named = re.search(r"PAYLINK_[A-Z0-9_]+", line)
        problems.setdefault(named[0] if named else line, line)
    if problems:
        raise CannotRun("\n    ".join(problems.values()))


def ports_of(environ: Mapping[str, str]) -> dict[str, int]:
    """
    Return the TCP ports that the stack listens on, by setting.

    Raises:
        CannotRun: One is no port.
    """
    return {name: port_of(environ, name, default) for name, default in _PORTS.items()}


def _problems(settings: Mapping[str, str], given: Mapping[str, str]) -> Iterator[str]:
    yield from _ports(settings)
    try:
        Settings.from_environ({**settings, **dict.fromkeys(_KNOWN_LATER, "known later")})
    except InvalidSettings as error:
        yield from str(error).splitlines()
    for name, (default, low, high) in _NUMBERS.items():
        try:
            whole_number(name, default=default, low=low, high=high, environ=settings)
        except SettingsError as error:
            yield str(error)
    try:
        Config.from_environment(settings)
    except ConfigError as error:
        yield from str(error).split("; ")
    yield from _providers(settings, given)


def _ports(settings: Mapping[str, str]) -> Iterator[str]:
    first: dict[int, str] = {}
    for name, default in _PORTS.items():
        try:
            port = port_of(settings, name, default)
        except CannotRun as error:
            yield str(error)
        else:
            if (other := first.setdefault(port, name)) != name:
                yield f"{name} and {other} are both {port}: give each a port of its own"


def _providers(settings: Mapping[str, str], given: Mapping[str, str]) -> Iterator[str]:
    """A real provider would refuse keys that were made for the sandbox."""
    slugs = [slug.strip() for slug in settings["PAYLINK_PROVIDERS"].split(",") if slug.strip()]
    simulated = simulated_providers(settings)
    for slug, provider in enabled_providers(slugs, settings).items():
        name = f"PAYLINK_{slug.upper()}_API_BASE"
        missing = [field.environment for field in provider.credential_fields if not given.get(field.environment)]
        if missing and slug not in simulated:
            needed = " and ".join(field.environment for field in provider.credential_fields)
            yield f"{name} is not the sandbox's address: with it set also {needed}, or none of them"
