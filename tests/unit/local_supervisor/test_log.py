"""Log files: bounded, and never a reason to stop."""

from pathlib import Path

import pytest

from paylink_local.supervisor import log
from paylink_local.supervisor.log import RotatingLog, tail


def test_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log and the one before it together stay near twice the limit, however much is written."""
    monkeypatch.setattr(log, "MAX_BYTES", 1000)
    path = tmp_path / "x.log"
    written = RotatingLog(path)
    for number in range(1000):
        written.write(f"line {number}\n".encode())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["x.log", "x.log.1"]
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 2100
    assert tail(path)[-1] == "line 999"


def test_appends_to_what_is_there(tmp_path: Path) -> None:
    """A restart does not lose the log of the life before."""
    RotatingLog(tmp_path / "x.log").write(b"before\n")
    RotatingLog(tmp_path / "x.log").write(b"after\n")
    assert tail(tmp_path / "x.log") == ["before", "after"]


def test_full_disk_loses_lines_only() -> None:
    """Writing where nothing can be written does not raise."""
    RotatingLog(Path("/dev/full")).write(b"lost\n")


def test_tail(tmp_path: Path) -> None:
    """The last lines since a given byte, without empty ones; odd bytes are shown, a missing file is empty."""
    path = tmp_path / "x.log"
    path.write_bytes(b"old\nnew\n\n\xff\n")
    assert tail(path, since=4) == ["new", "\N{REPLACEMENT CHARACTER}"]
    assert tail(path, since=10_000) == ["old", "new", "\N{REPLACEMENT CHARACTER}"]
    assert tail(path, lines=1) == ["\N{REPLACEMENT CHARACTER}"]
    assert tail(tmp_path / "missing.log") == []
