"""`paylink prepare`: what containers need to know before they start, as one file for each kind of them."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from paylink_local.dotenv import write_dotenv
from paylink_local.instance import load_environment
from paylink_local.services.check import check_settings
from paylink_local.services.environment import sandbox_environment, simulated_providers
from paylink_local.services.names import remarks
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import Home
from paylink_local.welcome import text

HELP = "Check the settings, make the secrets that are missing, and write what each container may know."

_COMMENT = "Made by `paylink prepare` at each start."
_OWN_TO_A_CONTAINER = {"PAYLINK_HOME", "PAYLINK_LISTEN_ADDRESS", "PAYLINK_PUBLIC_URL"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", required=True, metavar="URL", help="the database's address, without the password")
    parser.add_argument("--app", required=True, type=Path, help="for PayLink: what the environment leaves open")
    parser.add_argument("--sandbox", required=True, type=Path, help="for the sandbox: what it may know")
    parser.add_argument("--password", required=True, type=Path, help="for the database's server: its password")
    parser.add_argument("--metrics", required=True, type=Path, help="for Prometheus: a key that may read /metrics")


def run(args: argparse.Namespace) -> int:
    os.umask(0o077)
    given = {name: value for name, value in os.environ.items() if value}
    if given.get("PAYLINK_ENVIRONMENT") == "production":
        raise CannotRun("PAYLINK_ENVIRONMENT=production is not for Compose: leave it out, or set local")
    settings = load_environment(Home.of(given).path, given)
    check_settings(settings, given)
    for line in remarks(given):
        print(f"paylink: {line}")
    for_app = {name: value for name, value in settings.items() if name not in given}
    for_app["PAYLINK_DATABASE_URL"] = _with_password(args.database, settings["PAYLINK_DATABASE_PASSWORD"])
    try:
        write_dotenv(args.app, for_app, _COMMENT)
        write_dotenv(args.sandbox, _of_the_sandbox(settings), _COMMENT)
        _share(args.password, settings["PAYLINK_DATABASE_PASSWORD"])
        _share(args.metrics, settings["PAYLINK_DEMO_METRICS_KEY"])
    except OSError as exc:
        raise CannotRun(f"{exc.filename} cannot be written ({exc.strerror}): give this user the right to it") from exc
    print(text(settings, "The other services start now."))
    if not simulated_providers(settings):
        print("paylink: every provider is a real one: start with `--scale sandbox=0`")
    return 0


def _share(file: Path, secret: str) -> None:
    """Write a secret for a container that runs as another user of our group."""
    file.write_text(secret)
    file.chmod(0o640)


def _with_password(url: str, password: str) -> str:
    """
    Raises:
        CannotRun: It is no address with a user and without a password.
    """
    parts = urlsplit(url)
    if parts.scheme != "postgresql" or not parts.username or parts.password is not None:
        raise CannotRun(f"--database {url}: an address such as postgresql://paylink@postgres/paylink is needed")
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}").geturl()


def _of_the_sandbox(settings: Mapping[str, str]) -> dict[str, str]:
    known = sandbox_environment(settings)
    return {name: value for name, value in known.items() if name not in _OWN_TO_A_CONTAINER}
