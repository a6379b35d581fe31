"""The settings of this machine's PayLink: defaults, and secrets that are made on the first start and kept."""

import base64
import secrets
import string
from collections.abc import Mapping
from pathlib import Path

from paylink.providers.port import CredentialField
from paylink.providers.registry import UnknownProvider, enabled_providers, provider_slugs
from paylink.runtime.settings import default_sql_dir
from paylink_local.dotenv import load_dotenv, write_dotenv
from paylink_local.supervisor.errors import CannotRun

_DEFAULTS = {
    "PAYLINK_ENVIRONMENT": "local",
    "PAYLINK_API_PORT": "8080",
    "PAYLINK_SANDBOX_HOST": "localhost",
    "PAYLINK_SANDBOX_PORT": "8081",
    "PAYLINK_LOG_LEVEL": "INFO",
    "PAYLINK_SCHEDULE_RATE_MAX_S": "10",
}
_COMMENT = "Made on the first start. Deleting it makes the stored data unreadable."
_LETTERS = string.ascii_lowercase + string.digits


def load_environment(home: Path, environ: Mapping[str, str], *, keep: bool = True) -> dict[str, str]:
    """
    Return every PAYLINK_* setting: what `environ` says, else the secrets kept in `home`, else defaults.

    Secrets that are still missing are made and kept in `secrets.env`, readable by its owner only; without `keep` they
    are made for this once, and nothing is written.

    Raises:
        CannotRun: PAYLINK_PROVIDERS names what is not there, a provider refuses its settings, or the file cannot be
            read or written.
    """
    given = {name: value for name, value in environ.items() if name.startswith("PAYLINK_") and value}
    found = {"PAYLINK_SQL_DIR": str(default_sql_dir()), "PAYLINK_PROVIDERS": ",".join(provider_slugs())}
    settings = _DEFAULTS | found | given
    settings.setdefault("PAYLINK_PUBLIC_URL", f"http://localhost:{settings['PAYLINK_API_PORT']}")
    slugs = [slug.strip() for slug in settings["PAYLINK_PROVIDERS"].split(",") if slug.strip()]
    for slug in slugs:
        sandbox = f"http://{settings['PAYLINK_SANDBOX_HOST']}:{settings['PAYLINK_SANDBOX_PORT']}/{slug}"
        settings.setdefault(f"PAYLINK_{slug.upper()}_API_BASE", sandbox)
    try:
        providers = enabled_providers(slugs, settings)
        fields = [field for provider in providers.values() for field in provider.credential_fields]
    except (UnknownProvider, ValueError) as exc:
        raise CannotRun(str(exc)) from exc
    return {**_secrets(home / "secrets.env", fields, keep=keep), **settings}


def _secrets(file: Path, fields: list[CredentialField], *, keep: bool) -> dict[str, str]:
    kept: dict[str, str] = {}
    try:
        load_dotenv(file, kept)
        missing = {name: value for name, value in _fresh_secrets(fields).items() if name not in kept}
        if missing:
            kept |= missing
            if keep:
                write_dotenv(file, kept, _COMMENT)
    except OSError as exc:
        raise CannotRun(f"{file} cannot be used ({exc.strerror}): give this user the right to it") from exc
    return kept


def _fresh_secrets(fields: list[CredentialField]) -> dict[str, str]:
    made = {
        "PAYLINK_DATABASE_PASSWORD": _random_text(32),
        "PAYLINK_MASTER_KEYS": _keyring(),
        "PAYLINK_API_KEY_PEPPERS": _keyring(),
        "PAYLINK_DEMO_MERCHANT_KEY": f"plm_demo{_random_text(8)}_{_random_text(40)}",
        "PAYLINK_DEMO_METRICS_KEY": f"plo_demo{_random_text(8)}_{_random_text(40)}",
        "PAYLINK_DEMO_OPERATOR_KEY": f"plo_demo{_random_text(8)}_{_random_text(40)}",
    }
    return made | {field.environment: field.demo_prefix + _random_text(32) for field in fields}


def _keyring() -> str:
    return "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
