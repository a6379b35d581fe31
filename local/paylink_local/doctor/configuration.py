"""Examines the settings: whether they can be read, are complete, and suit where PayLink runs."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from paylink.providers.registry import enabled_providers
from paylink.runtime.settings import InvalidSettings, Settings
from paylink_local.doctor.finding import Finding, named, ok, warning, wrong
from paylink_local.doctor.installation import Installation
from paylink_local.services.check import NOT_FOR_PRODUCTION, check_settings
from paylink_local.services.names import known_names, unknown_names
from paylink_local.supervisor.errors import CannotRun

CHECK = "settings"
_NAME = re.compile(r"PAYLINK_[A-Z0-9_]*[A-Z0-9]")
_DEMO_KEYS = ("PAYLINK_DEMO_MERCHANT_KEY", "PAYLINK_DEMO_OPERATOR_KEY")
_THIS_MACHINE = ("", "localhost", "127.0.0.1", "::1")


def examine_settings(installation: Installation) -> tuple[Settings | None, list[Finding]]:
    """Return the settings, None when something cannot be used of them, and what was found."""
    found = [wrong(CHECK, line, _mend(line)) for text in _problems(installation) for line in text.split("\n    ")]
    found += [
        warning("names", f"{name} is no setting of PayLink", hint)
        for name, hint in unknown_names(installation.given).items()
    ]
    if any(finding.check == CHECK for finding in found):
        return None, found
    if not installation.is_reachable:
        return None, [*found, ok(CHECK, f"{installation.environ['PAYLINK_ENVIRONMENT']}, complete")]
    settings = Settings.from_environ(installation.environ)
    if settings.environment == "production":
        found += _in_production(settings, installation.given)
    if not any(finding.check == CHECK for finding in found):
        found.append(ok(CHECK, f"{settings.environment}, with {named(settings.providers)}"))
    return settings, found


def _problems(installation: Installation) -> Iterator[str]:
    environ = installation.environ
    if installation.home is not None and installation.given.get("PAYLINK_ENVIRONMENT") == "production":
        yield f"{NOT_FOR_PRODUCTION}; or name another stack's database with PAYLINK_DATABASE_URL"
        return
    if installation.problem:
        yield installation.problem
        return
    if installation.home is not None:
        try:
            check_settings(environ, installation.given)
        except CannotRun as exc:
            yield str(exc)
        return
    try:
        Settings.from_environ(environ)
    except InvalidSettings as exc:
        yield from str(exc).splitlines()
    for slug in [slug.strip() for slug in environ.get("PAYLINK_PROVIDERS", "").split(",") if slug.strip()]:
        try:
            enabled_providers([slug], environ)
        except ValueError as exc:
            yield str(exc)


def _in_production(settings: Settings, given: Mapping[str, str]) -> Iterator[Finding]:
    if demo := [name for name in _DEMO_KEYS if given.get(name)]:
        yield warning(CHECK, f"{named(demo)} set: production lets no demo key in", "take it out of the settings")
    if not settings.public_url:
        seen = "PAYLINK_PUBLIC_URL is not set: no address of a webhook can be told"
        yield warning(CHECK, seen, "set it to the address under which providers reach the API")
    elif urlsplit(settings.public_url).scheme != "https":
        seen = "PAYLINK_PUBLIC_URL is not https: payers and providers would be answered in the open"
        yield wrong(CHECK, seen, "set it to the https address of the API")
    redis = urlsplit(settings.redis_url.reveal())
    if redis.scheme == "redis" and (redis.hostname or "") not in _THIS_MACHINE:
        seen = "PAYLINK_REDIS_URL leads to another machine, and is not encrypted"
        yield warning(CHECK, seen, "use rediss://, and turn encryption in transit on")


def _mend(line: str) -> str:
    name = _NAME.search(line)
    if name is None:
        return "see .env.example"
    if name[0] in known_names():
        return f"set {name[0]} as .env.example explains it"
    return f"set {name[0]} to what template.yaml gives the functions"
