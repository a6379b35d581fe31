"""
What long-lived processes count, kept in files of one folder: whoever is asked adds up those of all.

A process maps a file of its own into memory and writes there, so nothing is lost when it is killed. Who starts next
takes a file whose process is gone and counts on from there. So counters only grow, and there are never more files than
there were processes at once. The folder is to lie in memory (tmpfs): writing to a page that a disk is just taking may
wait for that disk.
"""

import fcntl
import json
import logging
import math
import mmap
import os
import struct
import threading
from bisect import bisect_left
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from paylink.core.metrics import OF_PROCESSES, Metric

FILE_BYTES = 512 * 1024
"""Room for some 2,500 histograms; what comes when it is full is not counted, and that is told once."""

PROCESSES_MAX = 256

Key = tuple[Metric, tuple[str, ...]]
Kept = dict[Key, list[float]]
"""A counter's value alone; of a histogram how many fell to each bound and beyond the last, then their sum."""

# Which list the numbers of metrics are of, where the next entry goes, and to the end of eight words nothing.
_HEAD = struct.Struct("=16sQ40x")
# The metric's number and the size of its labels, which follow as JSON, filled up to whole words; then the values.
_ENTRY = struct.Struct("=II")
_WORD = 8
_LIST = blake2b(repr([(m.name, m.labels, m.bounds) for m in OF_PROCESSES]).encode(), digest_size=16).digest()
_NUMBERS = {metric: number for number, metric in enumerate(OF_PROCESSES)}

_log = logging.getLogger("paylink")


class _Entry(NamedTuple):
    """`place` is where its values begin, in words."""

    key: Key
    place: int
    values: list[float]


class KeptMetrics:
    """A process' own file. Safe to share between threads; not to be used by a process forked from this one."""

    def __init__(self, folder: Path, process: str) -> None:
        """
        Take a file of those that processes of this kind have.

        Raises:
            OSError: There is none to be had.
        """
        self._file = _take_file(folder, process)
        self._bytes = mmap.mmap(self._file, FILE_BYTES)
        self._words = memoryview(self._bytes).cast("d")
        self._lock = threading.Lock()
        self._places = {entry.key: entry.place for entry in _entries(self._bytes[:]) or ()}
        self._full = False

    def count(self, metric: Metric, *labels: str) -> None:
        place = self._places.get((metric, labels)) or self._add(metric, labels)
        if place:
            with self._lock:
                self._words[place] += 1

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        place = self._places.get((metric, labels)) or self._add(metric, labels)
        if place:
            bounds = metric.bounds
            bucket = place + bisect_left(bounds, value)
            with self._lock:
                self._words[bucket] += 1
                self._words[place + len(bounds) + 1] += value

    def close(self) -> None:
        """Leave the file to another process. Nothing may be counted any more."""
        self._words.release()
        self._bytes.close()
        os.close(self._file)

    def _add(self, metric: Metric, labels: tuple[str, ...]) -> int:
        """Make an entry, and return where its values begin, in words; 0 when there is no room."""
        named = json.dumps(labels).encode()
        named += b" " * (-len(named) % _WORD)
        with self._lock:
            if (place := self._places.get((metric, labels))) is not None:
                return place
            begin: int = _HEAD.unpack_from(self._bytes)[1]
            values = begin + _ENTRY.size + len(named)
            end = values + _WORD * _size(metric)
            if end > FILE_BYTES:
                if not self._full:
                    _log.warning("there is no room for more metrics", extra={"metric": metric.name})
                self._full = True
                return 0
            self._bytes[begin : begin + _ENTRY.size] = _ENTRY.pack(_NUMBERS[metric], len(named))
            self._bytes[begin + _ENTRY.size : values] = named
            # Last: who reads meanwhile sees the whole entry, or none of it.
            _HEAD.pack_into(self._bytes, 0, _LIST, end)
            self._places[metric, labels] = values // _WORD
            return values // _WORD


def read_kept(folder: Path) -> Kept:
    """Return what all processes of a folder have counted, those that are gone too."""
    kept: Kept = {}
    for file in sorted(folder.glob("*.metrics")):
        with suppress(OSError):
            for entry in _entries(file.read_bytes()) or ():
                known = kept.setdefault(entry.key, [0.0] * len(entry.values))
                known[:] = map(sum, zip(known, entry.values, strict=True))
    return kept


def _take_file(folder: Path, process: str) -> int:
    """Open and lock the first file that nobody holds; the kernel gives it back however its holder ends."""
    for number in range(PROCESSES_MAX):
        file = os.open(folder / f"{process}-{number}.metrics", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            continue
        try:
            if _entries(os.pread(file, FILE_BYTES + 1, 0)) is None:
                # Written and not only made longer: a full disk is to be an error here, and no signal later.
                os.ftruncate(file, 0)
                os.pwrite(file, bytes(FILE_BYTES), 0)
                os.pwrite(file, _HEAD.pack(_LIST, _HEAD.size), 0)
        except OSError:
            os.close(file)
            raise
        return file
    raise OSError(f"{folder} has no file for one more process")


def _entries(raw: bytes) -> list[_Entry] | None:
    """Return what a file holds; None when this version of the list has not made it, or it is broken."""
    if len(raw) != FILE_BYTES:
        return None
    told, end = _HEAD.unpack_from(raw)
    if told != _LIST:
        return None
    entries, begin = [], _HEAD.size
    try:
        while begin < end:
            entry, begin = _read_entry(raw, begin)
            entries.append(entry)
    except (ValueError, IndexError, RecursionError, struct.error):
        return None
    return entries if begin == end else None


def _read_entry(raw: bytes, begin: int) -> tuple[_Entry, int]:
    """
    Return the entry at a place, and where the next one begins.

    Raises:
        ValueError, IndexError, RecursionError, struct.error: There is none.
    """
    number, size = _ENTRY.unpack_from(raw, begin)
    metric, named = OF_PROCESSES[number], begin + _ENTRY.size
    labels = json.loads(raw[named : named + size])
    values = struct.unpack_from(f"={_size(metric)}d", raw, named + size)
    if size % _WORD or type(labels) is not list or len(labels) != len(metric.labels):
        raise ValueError("no labels of this metric")
    if any(type(label) is not str for label in labels) or not all(0 <= value < math.inf for value in values):
        raise ValueError("no texts, or no figures")
    place = (named + size) // _WORD
    return _Entry((metric, tuple(labels)), place, list(values)), named + size + _WORD * len(values)


def _size(metric: Metric) -> int:
    return len(metric.bounds) + 2 if metric.kind == "histogram" else 1
