"""The state folder: who may use it, and when it is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import DEFAULT_HOME, Home

_TRY_TO_HOLD = """
import sys
from pathlib import Path
from paylink_local.supervisor.home import Home
home = Home(Path(sys.argv[1]))
pid = home.supervisor_pid()
with home.held() as mine:
    print(pid, mine)
"""


def test_default_lies_in_the_clone() -> None:
    """Without PAYLINK_HOME the state lies in `.paylink` beside the workspace's lock file."""
    assert Home.of({}).path == Home.of({"PAYLINK_HOME": ""}).path == DEFAULT_HOME
    assert (DEFAULT_HOME.parent / "uv.lock").exists()


def test_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Services run in folders of their own, so the path must not depend on the current one."""
    monkeypatch.chdir(tmp_path)
    assert Home.of({"PAYLINK_HOME": "state"}).path == tmp_path / "state"


def test_prepare_is_private_and_repeatable(tmp_path: Path) -> None:
    """The folder is made for its owner alone, with its parents; prepared again, it becomes so again."""
    home = Home(tmp_path / "a" / "state")
    home.prepare()
    home.path.chmod(0o755)
    home.prepare()
    assert [folder.stat().st_mode & 0o777 for folder in (home.path, home.run, home.logs)] == [0o700] * 3


@pytest.mark.parametrize("name", ["secrets.env", "tools", "localstack"])
def test_what_other_commands_made_is_welcome(tmp_path: Path, name: str) -> None:
    """What installing makes before the first start does not count as foreign."""
    (tmp_path / name).mkdir()
    Home(tmp_path).prepare()


def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    """A folder with other things in it is never made a state folder: `--wipe` would delete them."""
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(CannotRun, match=r"it holds thesis\.tex.*PAYLINK_HOME"):
        Home(tmp_path).prepare()
    with pytest.raises(CannotRun, match="by hand"):
        Home(tmp_path).wipe()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    """A path that cannot be a folder is one line with the path and the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(CannotRun, match=r"cannot write to .*/file.* \(Not a directory\)"):
        Home(tmp_path / "file" / "state").prepare()


def test_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little free space is told before a database fails half-way."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10_000_000))
    with pytest.raises(CannotRun, match=r"disk of .* is full \(10 MB free"):
        Home(tmp_path / "state").prepare()


def test_held_names_its_process_and_is_exclusive(tmp_path: Path) -> None:
    """While one process holds the folder others see its number and cannot have it; then it is free."""
    home = Home(tmp_path / "state")
    assert home.supervisor_pid() is None
    home.prepare()
    with home.held() as mine:
        assert mine
        other = subprocess.run(
            [sys.executable, "-c", _TRY_TO_HOLD, home.path], capture_output=True, text=True, timeout=10
        )
        assert other.stdout == f"{os.getpid()} False\n"
    assert home.supervisor_pid() is None
    with home.held() as mine:
        assert mine


def test_sockets_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    """A recorded temporary folder that is gone, open to others or a link is replaced by a new private one."""
    home = Home(tmp_path / ("x" * 100))
    home.prepare()
    first = home.sockets()
    first.chmod(0o755)
    second = home.sockets()
    assert second != first
    second.rmdir()
    second.symlink_to(first)
    third = home.sockets()
    assert third not in (first, second)
    shutil.rmtree(first)
    second.unlink()
    home.wipe()
    assert not third.exists()


def test_wipe_deletes_all(tmp_path: Path) -> None:
    """Nothing is left of a state folder."""
    home = Home(tmp_path / "state")
    home.prepare()
    (home.path / "secrets.env").touch()
    home.wipe()
    assert not home.path.exists()
