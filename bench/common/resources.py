"""What the processes of a part use: processor time, and memory."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

_MB = 1e6


@dataclass(frozen=True)
class Memory:
    """Of one process. Proportional: pages that processes share are counted in parts."""

    resident_mb: float
    proportional_mb: float


def cpu_seconds(parts: Mapping[str, int]) -> dict[str, float]:
    """Return the processor time so far of each part, which is a process with all its descendants."""
    return {name: sum(_cpu_of(process) for process in family(pid)) for name, pid in parts.items()}


def family(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants; none when it has ended."""
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu_of(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        # Of children that have ended, too: Postgres ends its helpers now and then.
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def memory_of_servers(pid: int) -> list[Memory]:
    """Return what each process uses that serves requests, of a gateway whose main process this is."""
    found = []
    for process in family(pid)[1:]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if any("spawn_main" in word for word in process.cmdline()):
                memory = process.memory_full_info()
                found.append(Memory(memory.rss / _MB, memory.pss / _MB))
    return found
