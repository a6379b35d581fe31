"""The load generator: a small C++ program, since it shares the processor with what it measures."""

import json
import os
import struct
import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common.rules import Void

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = Path(__file__).resolve().parent / "load"
PROGRAM = REPOSITORY / "build" / "bench" / "load"
CONNECTIONS = 64
PATIENCE_S = 10.0

_FLAGS = ("-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror")


@dataclass(frozen=True)
class Load:
    """What came of one run. Latencies in milliseconds by percent, of the accepted only."""

    sent: int
    unknown: int
    elapsed_s: float
    cpu_s: float
    statuses: Mapping[int, int]
    latency_ms: Mapping[float, float]
    accepted_per_second: tuple[int, ...]

    @property
    def accepted(self) -> int:
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def rate_per_s(self) -> float:
        return self.accepted / self.elapsed_s

    @property
    def doubtful(self) -> int:
        """Not accepted, and yet perhaps stored: the answer was lost, or said that the commit took too long."""
        return self.sent - self.accepted

    def require_all_accepted(self) -> None:
        """
        Raises:
            Void: Some request was refused or its answer was lost.
        """
        if self.accepted != self.sent or not self.sent:
            raise Void(f"of {self.sent} requests {self.accepted} were accepted, {self.unknown} lost: {self.statuses}")


class Running:
    """A run that has begun. `result` waits for its end."""

    def __init__(
        self,
        requests: Path,
        port: int,
        *,
        seconds: float,
        rate_per_s: float,
        connections: int,
        exchanges: Path | None = None,
    ) -> None:
        """`exchanges`: a file that gets the times of each accepted request, for `read_exchanges`."""
        numbers = map(str, (port, connections, seconds, rate_per_s, PATIENCE_S))
        self._process = subprocess.Popen(
            [program(), requests, *numbers, *([exchanges] if exchanges else [])],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def result(self) -> Load:
        """
        Raises:
            Void: The server could not be connected to.
        """
        out, err = self._process.communicate()
        if self._process.returncode != 0:
            raise Void(err.strip())
        return read_load(json.loads(out))


def send(requests: Path, port: int, *, seconds: float, rate_per_s: float = 0, connections: int = CONNECTIONS) -> Load:
    """Send until the time or the file ends: `rate_per_s` a second, or as fast as the connections get answers."""
    return Running(requests, port, seconds=seconds, rate_per_s=rate_per_s, connections=connections).result()


@dataclass(frozen=True)
class Exchange:
    """One accepted request, by its number in the file of requests. Times of the monotonic clock."""

    number: int
    sent_ns: int
    answered_ns: int


def read_exchanges(file: Path) -> list[Exchange]:
    return [Exchange(*map(int, line.split())) for line in file.read_text().splitlines()]


def write_requests(file: Path, requests: Iterable[bytes]) -> None:
    """Write whole HTTP requests in the form that the program reads: each after its length."""
    with file.open("wb") as out:
        for request in requests:
            out.write(struct.pack("<I", len(request)))
            out.write(request)


def read_load(found: Mapping[str, Any]) -> Load:
    return Load(
        sent=found["sent"],
        unknown=found["unknown"],
        elapsed_s=found["elapsed_s"],
        cpu_s=found["cpu_s"],
        statuses={int(status): count for status, count in found["statuses"].items()},
        latency_ms={float(percent): ms for percent, ms in found["latency_ms"].items()},
        accepted_per_second=tuple(found["accepted_per_second"]),
    )


_compiling = threading.Lock()


def program() -> Path:
    """Return the program, compiled anew when a source is newer."""
    with _compiling:
        newest = max(source.stat().st_mtime for source in SOURCES.iterdir())
        if not PROGRAM.exists() or PROGRAM.stat().st_mtime < newest:
            PROGRAM.parent.mkdir(parents=True, exist_ok=True)
            draft = PROGRAM.with_suffix(f".{os.getpid()}")
            compiler = os.environ.get("CXX") or "c++"
            subprocess.run([compiler, *_FLAGS, *sorted(SOURCES.glob("*.cc")), "-o", draft], check=True)
            draft.replace(PROGRAM)
    return PROGRAM
