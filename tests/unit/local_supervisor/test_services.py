"""Settings of the embedded services."""

import os
import sys
from pathlib import Path

import pytest

from paylink_local.services.http import port_of
from paylink_local.services.postgres import Postgres
from paylink_local.services.wheels import program
from paylink_local.supervisor import linux
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import Home


@pytest.mark.parametrize(("text", "port"), [("8080", 8080), ("1", 1), ("65535", 65535), ("", 4566)])
def test_port(text: str, port: int) -> None:
    """A port comes from its setting; an empty one means the default."""
    assert port_of({"PORT": text}, "PORT", 4566) == port


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "80 80", "8080.0", "٨٠"])
def test_bad_port(text: str) -> None:
    """What is no port is refused with the setting's name."""
    with pytest.raises(CannotRun, match=r"^PORT=.* is no port"):
        port_of({"PORT": text}, "PORT", 4566)


def test_database_url_quotes_the_password(tmp_path: Path) -> None:
    """A password may hold what means something in an address."""
    home = Home(tmp_path / "state")
    home.prepare()
    url = Postgres(home, password="a@b/c:d?e&f").url
    assert url.startswith("postgresql://paylink:a%40b%2Fc%3Ad%3Fe%26f@/paylink?host=/")


def test_missing_program_is_named() -> None:
    """A wheel that is not installed, or lacks a program, is one line."""
    with pytest.raises(CannotRun, match=r"no_such_package is missing: run \./scripts/up"):
        program("no_such_package", "bin/x")
    with pytest.raises(CannotRun, match="paylink_local holds no x for this kind of machine"):
        program("paylink_local", "bin/x")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_children() -> None:
    """We are a child of our parent."""
    assert os.getpid() in linux.children(os.getppid())
