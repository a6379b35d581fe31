"""Secrets that a person gives a command: never as arguments, which others can see and shells remember."""

import getpass
import os
import sys

from paylink.core.secret import Secret
from paylink_local.supervisor.errors import CannotRun


def read_secret(prompt: str, variable: str | None) -> Secret:
    """
    Return a secret from an environment variable when one is named, else from standard input, else from a prompt.

    Raises:
        CannotRun: The variable is not set, or there is nothing.
    """
    if variable is not None:
        text = os.environ.get(variable, "")
    elif sys.stdin.isatty():
        text = getpass.getpass(f"{prompt}: ")
    else:
        text = sys.stdin.read()
    secret = Secret(text.strip())
    if not secret:
        raise CannotRun(f"{variable} is not set" if variable else "no value was given")
    return secret
