"""Standard output as nobody reads it, and as somebody does after all; and the level of the log."""

import json
import logging
import os
import threading
import time
from collections.abc import Iterator

import pytest

from paylink_local.output import Output
from paylink_local.runtime_log import log_level
from paylink_local.settings import SettingsError


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that the test reads, or not."""
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        os.close(descriptor)


def read_lines(reader: int, last: bytes) -> list[bytes]:
    """Read until a line with `last` has come."""
    received = b""
    while not (received.endswith(b"\n") and last in received.splitlines()[-1]):
        received += os.read(reader, 65_536)
    return received.splitlines()


def test_lines_come_out_in_order(pipe: tuple[int, int]) -> None:
    """Those of one thread; and `drain` tells when they have."""
    reader, writer = pipe
    output = Output(writer)
    for number in range(1000):
        output.put(b"line %d\n" % number)
    assert output.drain(5)
    assert read_lines(reader, b"line 999") == [b"line %d" % number for number in range(1000)]


def test_nobody_waits_for_the_reader(pipe: tuple[int, int]) -> None:
    """Writing goes on at once, memory is bounded, and the reader later learns how much it has missed."""
    reader, writer = pipe
    output = Output(writer, held_bytes_max=100_000)
    line = b"x" * 99 + b"\n"
    started_s = time.monotonic()
    for _ in range(10_000):
        output.put(line)
    assert not output.drain(0.1)
    assert time.monotonic() - started_s < 2
    *kept, notice = read_lines(reader, b"dropped")
    assert set(kept) == {line[:-1]}
    assert json.loads(notice)["lines"] == 10_000 - len(kept)
    assert len(kept) * len(line) < 200_000
    output.put(b"on we go\n")
    assert read_lines(reader, b"on we go") == [b"on we go"]


def test_a_descriptor_that_somebody_made_non_blocking(pipe: tuple[int, int]) -> None:
    """Is written to the end all the same."""
    reader, writer = pipe
    os.set_blocking(writer, False)
    output = Output(writer)
    for _ in range(3_000):
        output.put(b"x" * 99 + b"\n")
    output.put(b"end\n")
    time.sleep(0.1)
    assert len(read_lines(reader, b"end")) == 3_001


def test_a_reader_that_is_gone_harms_nobody() -> None:
    """Lines go nowhere, and the writer's thread goes on."""
    reader, writer = os.pipe()
    os.close(reader)
    output = Output(writer)
    output.put(b"a\n")
    output.put(b"b\n")
    assert output.drain(5)
    assert any(thread.name == "output" for thread in threading.enumerate())
    os.close(writer)


@pytest.mark.parametrize(("text", "level"), [("", "INFO"), ("warning", "WARNING"), ("DEBUG", "DEBUG")])
def test_the_level_of_the_log(text: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In either case of letters; INFO when nothing is said."""
    monkeypatch.setenv("PAYLINK_LOG_LEVEL", text)
    assert logging.getLevelName(log_level()) == level


def test_an_unknown_level_is_named_with_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """And with the choices."""
    monkeypatch.setenv("PAYLINK_LOG_LEVEL", "CHATTY")
    with pytest.raises(SettingsError, match=r"PAYLINK_LOG_LEVEL must be one of DEBUG, INFO, .*, not 'CHATTY'"):
        log_level()
