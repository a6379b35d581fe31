"""Runs handlers on threads, so that one that fails, hangs or is slow holds up nothing but its own slot."""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from functools import partial
from queue import SimpleQueue
from typing import Any

from paylink_local.functions import LoadedFunction, stack_of
from paylink_local.gateway.deadlines import Deadlines

SLOTS = 64
"""Invocations of one function at once in one process."""

LATER_THREADS = 2
"""Threads of a function that gives later answers: it seldom waits in them, and more would only wait for each other."""

STUCK_S = 0.05
"""When they do wait, in vain, all of them and for so long, the requests behind them get threads of their own."""

SLOT_WAIT_S = 1
"""How long a request waits for a free slot before it is turned away."""

API_TIMEOUT_S_MAX = 29
"""API Gateway waits no longer for a function, whatever its own `Timeout`."""

_log = logging.getLogger("paylink_local.gateway")


class NoFreeSlot(Exception):
    """Every slot of the function is busy."""


class AnswerTimeout(Exception):
    """The handler is still running at its function's `Timeout`. It keeps its slot until it ends; `stack` is its."""

    def __init__(self, stack: str) -> None:
        super().__init__()
        self.stack = stack


class HandlerFailed(Exception):
    """The handler raised; the cause is what it raised, which may be SystemExit or the like."""


_Outcome = tuple[Any, BaseException | None]


class _Job:
    """One invocation; `outcome` is the loop's."""

    __slots__ = ("event", "outcome", "thread_id")

    def __init__(self, event: Any, outcome: "asyncio.Future[_Outcome]") -> None:
        self.event = event
        self.outcome = outcome
        self.thread_id: int | None = None

    def expire(self) -> None:
        if not self.outcome.done():
            self.outcome.set_result((None, AnswerTimeout(stack_of(self.thread_id))))


class FunctionThreads:
    """
    The slots of one function; for one event loop. Threads start as they are needed, at most one for each slot: a
    handler may return an answer that is not there yet, and then its thread serves others meanwhile.

    A function has its own, as on Lambda: one that is slow or stuck leaves the others theirs. The threads are daemons: a
    stuck handler does not keep the process up.
    """

    def __init__(self, function: LoadedFunction, slots: int = SLOTS) -> None:
        self.function = function.function
        self._call = partial(function.call, takes_later_answers=True)
        self._threads_max = self._slots = slots
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._free = asyncio.Semaphore(slots)
        self._count = threading.Lock()
        self._unserved = 0
        self._started = 0
        self._taken_at_s = 0.0
        self._watched = False
        self._reports: deque[tuple[_Job, _Outcome]] = deque()
        self._waking = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deadlines = Deadlines(min(self.function.timeout_s, API_TIMEOUT_S_MAX))

    async def run(self, event: Any) -> Any:
        """
        Return the handler's answer.

        Raises:
            HandlerFailed: It raised.
            NoFreeSlot: No slot came free in time.
            AnswerTimeout: The handler has not ended in time.
        """
        await self._take_slot()
        loop = self._loop = self._loop or asyncio.get_running_loop()
        job = _Job(event, loop.create_future())
        self._deadlines.add(job.expire)
        self._jobs.put(job)
        self._ensure_thread()
        self._watch()
        try:
            answer, error = await job.outcome
        finally:
            self._deadlines.remove(job.expire)
        if isinstance(error, AnswerTimeout):
            raise error
        if error is not None:
            raise HandlerFailed from error
        return answer

    async def _take_slot(self) -> None:
        if self._free.locked():
            try:
                async with asyncio.timeout(SLOT_WAIT_S):
                    await self._free.acquire()
            except TimeoutError:
                raise NoFreeSlot from None
        else:
            await self._free.acquire()

    def _ensure_thread(self) -> None:
        """Start one more thread when all are at work."""
        with self._count:
            self._unserved += 1
            if self._unserved <= self._started or self._started >= self._threads_max:
                return
            self._started += 1
        self._start_thread()

    def _start_thread(self) -> None:
        threading.Thread(target=self._work, name=self.function.name, daemon=True).start()

    def _watch(self) -> None:
        """See to it, in the loop, that jobs are taken."""
        if not self._watched and self._threads_max < self._slots:
            self._watched = True
            assert self._loop is not None
            self._loop.call_later(STUCK_S, self._relieve)

    def _relieve(self) -> None:
        self._watched = False
        left = self._jobs.qsize()
        if not left:
            return
        if time.monotonic() - self._taken_at_s >= STUCK_S:
            with self._count:
                more = min(left, self._slots - self._started)
                self._started += more
            for _ in range(more):
                self._start_thread()
        self._watch()

    def _report(self, job: _Job, answer: Any, error: BaseException | None = None) -> None:
        self._reports.append((job, (answer, error)))
        # Handlers that waited for one commit end together: the first one wakes the loop for all.
        if not self._waking:
            self._waking = True
            assert self._loop is not None
            # The loop is closed once the process has stopped waiting for this handler.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._take_reports)

    def _take_reports(self) -> None:
        """Runs in the loop. Who has put in a report and then found the loop being woken did so before this line."""
        self._waking = False
        while self._reports:
            job, outcome = self._reports.popleft()
            self._free.release()
            if not job.outcome.done():
                job.outcome.set_result(outcome)
            else:
                _log.warning("function %s ended after its timeout", self.function.name, exc_info=outcome[1])

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            self._taken_at_s = time.monotonic()
            job.thread_id = threading.get_ident()
            try:
                answer = self._call(job.event)
                if hasattr(answer, "then"):
                    self._threads_max = LATER_THREADS
                    answer.then(partial(self._report, job))
                else:
                    self._report(job, answer)
            except BaseException as exc:  # a handler that calls sys.exit() must not end the thread
                self._report(job, None, exc)
            del job
            with self._count:
                self._unserved -= 1
                if self._started > self._threads_max:
                    self._started -= 1
                    return
