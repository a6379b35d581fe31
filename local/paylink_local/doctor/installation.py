"""Which installation a command is about: the embedded stack, or what the settings name."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paylink.runtime.settings import default_sql_dir
from paylink_local.functions import apply_environment
from paylink_local.instance import load_environment
from paylink_local.services.running import running_environment
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.status import Status, read_status
from paylink_local.template import TemplateError, find_template, load_template


@dataclass(frozen=True)
class Installation:
    """
    given: what a person set. environ: all that its processes see; less than that when `problem` tells why.
    home: of the embedded stack, None for what settings name. status: of the embedded stack, None when it does not run.
    """

    given: Mapping[str, str]
    environ: Mapping[str, str]
    home: Home | None
    status: Status | None
    problem: str = ""

    @property
    def is_reachable(self) -> bool:
        """Whether there can be a database to ask."""
        return not self.problem and (self.home is None or self.status is not None)


def find_installation(environ: Mapping[str, str]) -> Installation:
    """
    Return the embedded stack of PAYLINK_HOME when it runs or no database is named, else what the settings name.

    Nothing is written, and nothing is started.
    """
    home = Home.of(environ)
    status = read_status(home)
    if status is None and environ.get("PAYLINK_DATABASE_URL"):
        return _named(environ)
    given = dict(environ)
    try:
        if status is not None:
            return Installation(given, _as_its_processes(running_environment(home, environ)), home, status)
        return Installation(given, load_environment(home.path, environ, keep=False), home, None)
    except (CannotRun, TemplateError) as exc:
        return Installation(given, given, home, status, str(exc))


def _named(given: Mapping[str, str]) -> Installation:
    """Without an endpoint for SQS it is AWS, which takes nothing from the template by itself."""
    environ = dict(given)
    if not Path(environ.get("PAYLINK_SQL_DIR", "")).joinpath("queries").is_dir():
        # The template names the folder that the layer has on Lambda.
        environ["PAYLINK_SQL_DIR"] = str(default_sql_dir())
    problem = ""
    if environ.get("AWS_ENDPOINT_URL_SQS") or environ.get("PAYLINK_TEMPLATE"):
        try:
            environ = _as_its_processes(environ)
        except TemplateError as exc:
            problem = str(exc)
    with contextlib.suppress(KeyError):
        environ.setdefault("AWS_REGION", environ["AWS_DEFAULT_REGION"])
    return Installation(given, environ, None, None, problem)


def _as_its_processes(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment as the gateway and the worker make it, with what the template gives the functions."""
    complete = dict(environ)
    apply_environment(load_template(find_template(complete), complete), complete)
    return complete
