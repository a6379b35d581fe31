"""What `paylink logs` reads: several files in the order of time, also while they grow and are rotated."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from paylink_local.cli import main
from paylink_local.log_files import Entry, LogFiles, Wanted, services_of
from paylink_local.supervisor import log
from paylink_local.supervisor.log import RotatingLog

ID = "01a20564-940f-775f-8226-6655642a6623"


def line(second: int, message: str, **fields: object) -> str:
    at = f"2026-11-23T22:40:{second:02}.000+00:00"
    return json.dumps({"level": "INFO", "message": message, "timestamp": at, **fields}) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder's logs, with lines of every kind."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "gateway.log.1").write_text(line(1, "first"))
    (logs / "gateway.log").write_text(
        line(3, "third", request_id="r-1", level="DEBUG")
        + line(5, "fifth", level="ERROR", transaction_id=ID)
        + line(7, "seventh", transaction_ids=["x", ID])
    )
    (logs / "postgres.log").write_text(
        "2026-11-23 22:40:02.000 UTC [7] LOG:  second\n2026-11-23 22:40:04.000 UTC [7] ERROR:  fourth\n\tand more\n"
    )
    (logs / "sandbox.log").write_text("Traceback (most recent call last):\n  File x\n")
    return logs


def texts(entries: Sequence[Entry]) -> list[str]:
    return [entry.text(readable=True) for entry in entries]


def words(entries: Sequence[Entry]) -> list[str]:
    """Return the last word of each entry's first line that is no field."""
    return [entry.line.fields.get("message") or entry.line.text.split()[-1] for entry in entries]


def test_all_services_in_the_order_of_time(folder: Path):
    """What has no time of its own belongs to the line before, and without one comes first."""
    entries = LogFiles(folder, (), Wanted()).read()
    assert words(entries) == ["last):", "first", "second", "third", "fourth", "fifth", "seventh"]
    assert texts(entries)[0] == "Traceback (most recent call last):\n  File x"
    assert texts(entries)[4].endswith("ERROR:  fourth\n\tand more")
    assert services_of(folder) == ["gateway", "postgres", "sandbox"]


def test_from_a_level_on(folder: Path):
    """What does not say its level is shown at each."""
    entries = LogFiles(folder, (), Wanted("WARNING")).read()
    assert words(entries) == ["last):", "fourth", "fifth"]
    assert words(LogFiles(folder, ["gateway"], Wanted("INFO")).read()) == ["first", "fifth", "seventh"]


@pytest.mark.parametrize("end", [ID, "6655642a6623", "2a6623"])
def test_of_one_id_or_its_end(folder: Path, end: str):
    assert words(LogFiles(folder, (), Wanted("DEBUG", "transaction_id", end)).read()) == ["fifth", "seventh"]
    assert LogFiles(folder, (), Wanted("DEBUG", "request_id", end)).read() == []


def test_what_is_added_comes_once_and_in_whole_lines(folder: Path):
    files = LogFiles(folder, ["gateway"], Wanted())
    files.read()
    assert files.read() == []
    with open(folder / "gateway.log", "a") as file:
        file.write(line(8, "eighth") + line(9, "ninth")[:20])
        file.flush()
        assert words(files.read()) == ["eighth"]
        file.write(line(9, "ninth")[20:])
        file.flush()
        assert words(files.read()) == ["ninth"]


def test_a_service_that_begins_later_is_heard(folder: Path):
    files = LogFiles(folder, (), Wanted())
    files.read()
    (folder / "worker.log").write_text(line(1, "late"))
    assert words(files.read()) == ["late"]


def test_nothing_is_missed_or_repeated_when_files_are_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log, "MAX_BYTES", 1000)
    written = RotatingLog(tmp_path / "gateway.log")
    files = LogFiles(tmp_path, (), Wanted())
    found: list[str] = []
    for number in range(100):
        written.write(line(0, str(number)).encode())
        if number % 5 == 0:
            found += words(files.read())
    found += words(files.read())
    assert found == [str(number) for number in range(100)]


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def paylink_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command; gives its exit code and what it says on standard output and error."""
    monkeypatch.setenv("PAYLINK_HOME", str(tmp_path))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["logs", *arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.mark.usefixtures("folder")
def test_the_command_shows_them_readably(paylink_logs: Command):
    code, out, _ = paylink_logs("--level", "error")
    assert code == 0
    assert out.splitlines()[-1] == "gateway    | 22:40:05.000 ERROR   fifth  transaction_id=…642a6623"
    assert "postgres   | \tand more" in out
    _, out, _ = paylink_logs("--transaction", "…642a6623", "--format", "json")
    assert [json.loads(text)["message"] for text in out.splitlines()] == ["fifth", "seventh"]
    assert paylink_logs("--request", "r-1")[1] == "gateway    | 22:40:03.000 DEBUG   third  request_id=r-1\n"
    _, out, _ = paylink_logs("--service", "gateway", "-n", "1")
    assert [text.split()[4] for text in out.splitlines()] == ["seventh"]
    assert paylink_logs("--service", "gateway", "-n", "0")[1] == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--service", "nobody"], "no service is called nobody: there are gateway, postgres, sandbox"),
        (["--request", ""], "an id is needed"),
        (["--transaction", "…"], "an id is needed"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_is_wrong_is_told(paylink_logs: Command, arguments: list[str], told: str):
    code, _, err = paylink_logs(*arguments)
    assert code == 1
    assert told in err


def test_without_any_log_it_says_how_there_will_be_one(paylink_logs: Command):
    code, _, err = paylink_logs()
    assert code == 1
    assert "./scripts/up" in err
