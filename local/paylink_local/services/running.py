"""The settings that the running stack was started with: those of today may differ."""

import hashlib
from collections.abc import Mapping

from paylink_local.services.environment import embedded_environment
from paylink_local.services.names import known_names
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.status import read_status

_ADDRESSES = (
    "PAYLINK_API_PORT",
    "PAYLINK_LOCALSTACK_PORT",
    "PAYLINK_PROVIDERS",
    "PAYLINK_PUBLIC_URL",
    "PAYLINK_SANDBOX_PORT",
)


def settings_to_keep(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the status file keeps of a stack's environment: addresses, and of the rest a hash, as it has keys."""
    return {
        name: environ[name] if name in _ADDRESSES else hashlib.sha256(environ[name].encode()).hexdigest()
        for name in sorted(known_names() & environ.keys())
    }


def running_environment(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """
    Return `embedded_environment` with the addresses of the running stack.

    Raises:
        CannotRun: It does not run, or a setting is wrong.
    """
    status = read_status(home)
    if status is None:
        raise CannotRun("PayLink is not running: start it with ./scripts/up")
    running = {name: value for name, value in status.settings.items() if name in _ADDRESSES}
    others = {name: value for name, value in environ.items() if name not in _ADDRESSES}
    return embedded_environment(home, {**others, **running})


def changed_settings(home: Home, environ: Mapping[str, str]) -> list[str]:
    """Return the names of the settings that a start now would read otherwise than the running stack did."""
    status = read_status(home)
    then = status.settings if status else {}
    now = settings_to_keep(embedded_environment(home, environ))
    return sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
