"""A command that fails for a reason of ours tells where, and repeats no secret: the supervisor logs what it says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paylink_local.cli import main


@pytest.mark.parametrize("url", ["postgresql//paylink:hunter2@host/db", "postgresql://paylink:x@127.0.0.1:hunter2/db"])
def test_an_address_that_cannot_be_read_is_not_repeated(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The driver quotes it, with its password."""
    monkeypatch.setenv("PAYLINK_DATABASE_URL", url)
    assert main(["migrate"]) == 1
    told = capsys.readouterr()
    assert "Traceback (most recent call last):" in told.err
    assert "psycopg2." in told.err.splitlines()[-1]
    assert "hunter2" not in told.out + told.err


def test_a_reader_that_has_had_enough_is_told_nothing(tmp_path: Path):
    """`paylink status | head`: no traceback, and the exit code of a program that SIGPIPE ends."""
    read, write = os.pipe()
    os.close(read)
    environ = os.environ | {"PAYLINK_HOME": str(tmp_path / "home")}
    command = subprocess.run(
        [sys.executable, "-m", "paylink_local.cli", "status"], env=environ, stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    assert (command.returncode, command.stderr) == (141, b"")
