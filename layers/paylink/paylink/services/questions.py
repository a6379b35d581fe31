"""Questions to providers, several at once, in the background."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar
from uuid import UUID

from paylink.core.tracing import in_this_trace

ASKED_AT_ONCE = 8
"""In one process."""
WRITTEN_AT_ONCE = 4
"""The same: half of the connections that a process has to the database."""

STEP_SIZE_MAX = 64
STEP_S = 2.0
"""How long asking in one step shall take: after it, what was learned is written."""
_PACE_KNOWN_S = 30.0
_PACES_MAX = 10_000

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True)
class _Pace:
    size: int
    at: float


class Questions(Generic[Q, A]):
    """A list of questions that threads of `askers` work off in order."""

    def __init__(self, askers: "Askers", ask: Callable[[Q], A]) -> None:
        self._askers = askers
        self._ask = ask
        self._left: deque[tuple[int, Q]] = deque()
        self._answers: dict[int, A] = {}
        self._asked: list[Q] = []
        self._tasks: list[Future[None]] = []

    def add(self, questions: Sequence[Q]) -> None:
        """Have these be asked, too. A thread takes one after the other: waking one for each would cost more."""
        self._left.extend(enumerate(questions, start=len(self._asked)))
        self._asked += questions
        self._tasks += [self._askers.begin(self._work) for _ in range(min(len(questions), ASKED_AT_ONCE))]

    def answers(self) -> list[tuple[Q, A]]:
        """Wait until all are answered. What `ask` raises is raised here."""
        for task in self._tasks:
            task.result()
        return [(question, self._answers[number]) for number, question in enumerate(self._asked)]

    def abandon(self) -> None:
        """Ask no further one, and wait for nothing."""
        self._left.clear()

    def _work(self) -> None:
        while True:
            try:
                number, question = self._left.popleft()
            except IndexError:
                return
            self._answers[number] = self._ask(question)


class Askers:
    """
    The threads that ask, and what they know of how quick each account's provider is. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._paces: dict[UUID, _Pace] = {}

    def step_size(self, account_id: UUID) -> int:
        """
        Return how many questions may be begun together: few at first, as the provider may be silent, and then as many
        as it answers in STEP_S.
        """
        return pace.size if (pace := self._pace(account_id)) else ASKED_AT_ONCE

    def is_answering(self, account_id: UUID) -> bool:
        """Whether the provider has answered of late."""
        return self._pace(account_id) is not None

    def note_step(self, account_id: UUID, took_s: float) -> None:
        """A step's questions were answered, within so long."""
        size = self.step_size(account_id)
        size = min(2 * size, STEP_SIZE_MAX) if took_s < STEP_S else max(size // 2, ASKED_AT_ONCE)
        if len(self._paces) >= _PACES_MAX:
            self._paces.clear()
        self._paces[account_id] = _Pace(size, time.monotonic())

    def note_silence(self, account_id: UUID) -> None:
        self._paces.pop(account_id, None)

    def _pace(self, account_id: UUID) -> "_Pace | None":
        pace = self._paces.get(account_id)
        return pace if pace and time.monotonic() < pace.at + _PACE_KNOWN_S else None

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="reconcile")

    @cached_property
    def _writers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(WRITTEN_AT_ONCE, thread_name_prefix="reconcile-write")

    def write(self, work: Callable[[Sequence[Q]], A], items: Sequence[Q]) -> list[A]:
        """Do `work`, which needs the database, on several parts of a list at the same time; return its results."""
        parts = [part for first in range(WRITTEN_AT_ONCE) if (part := items[first::WRITTEN_AT_ONCE])]
        return list(self._writers.map(in_this_trace(work), parts)) if parts else []

    def begin(self, work: Callable[[], None]) -> "Future[None]":
        return self._threads.submit(in_this_trace(work))
