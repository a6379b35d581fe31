"""What the terminal shows of a service's log."""

import os

import pytest

from paylink_local.log_reading import is_quiet
from paylink_local.supervisor.echo import Echo


@pytest.mark.parametrize(
    ("line", "quiet"),
    [
        (b'{"time": "t", "level": "INFO", "message": "schedule done"}', True),
        (b'{"level": "DEBUG"}', True),
        (b'{"method": "GET", "path": "/healthz", "status": 200}', True),
        (b'{"level": "WARNING", "message": "slow"}', False),
        (b'{"level": "ERROR", "message": "INFO is only in the message"}', False),
        (b"2026-11-22 17:00:00,000 INFO paylink_sandbox: ready", True),
        (b"2026-11-22 17:00:00,000 ERROR paylink_sandbox: failed", False),
        (b"Traceback (most recent call last):", False),
        (b"paylink gateway: port 8080 (PAYLINK_API_PORT) cannot be used", False),
        (b'{"level": "INFO", cut off', True),
        (b"x" * 200 + b" INFO", False),
    ],
)
def test_only_what_says_that_it_is_unimportant_is_left_out(line: bytes, quiet: bool) -> None:
    """Warnings, errors and whatever has no level are shown; INFO, DEBUG and lines of requests are not."""
    assert is_quiet(line) is quiet


def test_lines_are_whole_and_named(capfd: pytest.CaptureFixture[str]) -> None:
    """A line that comes in pieces is shown once it is whole; one without an end is shown in parts."""
    echo = Echo("web")
    echo.write(b"WARNING first ")
    echo.write(b"half\nINFO no\nWARN")
    echo.drain(2)
    assert capfd.readouterr().out == "web        | WARNING first half\n"
    echo.write(b"ING " + b"y" * 100_000)
    echo.drain(2)
    assert len(capfd.readouterr().out) == len("web        | WARNING \n") + 100_000


def test_a_line_of_json_is_shown_readably(capfd: pytest.CaptureFixture[str]) -> None:
    """With the name before each line of its traceback."""
    echo = Echo("worker")
    line = (
        b'{"level":"ERROR","message":"a batch failed","timestamp":"2026-11-23T22:40:03.931+00:00","service":"paylink",'
        b'"messages":3,"exception":"Traceback (most recent call last):\\nValueError: x\\n"}\n'
    )
    echo.write(b'{"level":"INFO","message":"quiet"}\n' + line)
    echo.drain(2)
    assert capfd.readouterr().out.splitlines() == [
        "worker     | 22:40:03.931 ERROR   a batch failed  messages=3",
        "worker     |     Traceback (most recent call last):",
        "worker     |     ValueError: x",
    ]


def test_nothing_is_started_before_there_is_something_to_show() -> None:
    """A guardian forks its child first: a thread before that could hold a lock in the child for ever."""
    threads = len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
    Echo("web").write(b"INFO quiet\n")
    assert threads == (len(os.listdir("/proc/self/task")) if threads else 0)
