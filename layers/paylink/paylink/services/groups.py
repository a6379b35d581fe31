"""What several requests of one process want at the same time, done together, so that its cost is shared."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from paylink.core.errors import PayLinkError, StorageUnavailable
from paylink.core.tracing import Span, current_span, working_for
from paylink.services.promise import Promise

Q = TypeVar("Q")
A = TypeVar("A")

_WORK_S_MIN = 0.2

_log = logging.getLogger("paylink")


@dataclass
class _Waiting(Generic[Q, A]):
    """What somebody asked for, and waits for until a time of the monotonic clock."""

    item: Q
    until_s: float
    unavailable: bool = False
    answer: Promise[A] = field(default_factory=Promise)
    span: Span | None = None
    """From asking to the answer, where the request is traced."""

    def keep(self, answer: A) -> None:
        if self.span is not None:
            self.span.end()
        self.answer.keep(answer)

    def break_(self, error: BaseException) -> None:
        if self.span is not None:
            self.span.fail(type(error).__name__)
            self.span.end()
        self.answer.break_(error)


class Groups(Generic[Q, A]):
    """
    Hands what was asked for to a thread of its own, a group at a time: all that came while the group before was worked
    at. Where there is one request at a time and nothing goes on after its answer, whoever submits does the work itself
    (`by_caller`). Safe to share between threads.

    work: answers a group's items within so many seconds, in their order. What it raises for a group is not told to all:
    each item is tried alone, unless it was StorageUnavailable. So a repetition must do no harm.
    least_s: a group gets this long, however little time its oldest member has left: the others fail with it.
    pause_s: how long to rest after a group of so many, for more to come together.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Q], float], Sequence[A]],
        *,
        size_max: int,
        by_caller: bool,
        least_s: float = 0.5,
        pause_s: Callable[[int], float] = lambda size: 0.0,
    ) -> None:
        self._name = name
        self._work = work
        self._size_max = size_max
        self._by_caller = by_caller
        self._least_s = least_s
        self._pause_s = pause_s
        self._waiting: list[_Waiting[Q, A]] = []
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None

    def submit(self, item: Q, *, within_s: float) -> Promise[A]:
        """Return the answer to come, from the group's thread. It raises StorageUnavailable when that takes longer."""
        waiting: _Waiting[Q, A] = _Waiting(item, time.monotonic() + within_s)
        parent = current_span()
        if parent is not None:
            waiting.span = parent.child(self._name)
        if self._by_caller:
            self._answer([waiting])
            return waiting.answer
        with self._changed:
            self._waiting.append(waiting)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()
        return waiting.answer

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                group, self._waiting = self._waiting[: self._size_max], self._waiting[self._size_max :]
            self._answer(group)
            if pause_s := self._pause_s(len(group)):
                time.sleep(pause_s)

    def _answer(self, group: Sequence[_Waiting[Q, A]]) -> None:
        """Never raises, and leaves nobody without an answer."""
        try:
            now_s = time.monotonic()
            # They are told so, and ask again: it need not be done now.
            _fail([waiting for waiting in group if waiting.until_s <= now_s])
            in_time = [waiting for waiting in group if waiting.until_s > now_s]
            if in_time:
                self._try(in_time, max(now_s + self._least_s, min(waiting.until_s for waiting in in_time)))
        except BaseException:
            # A defect of ours must not end this thread, and nobody may wait for ever.
            _log.exception("%s failed", self._name)
            _fail(group, PayLinkError)

    def _try(self, group: Sequence[_Waiting[Q, A]], until_s: float) -> None:
        within_s = until_s - time.monotonic()
        if within_s <= 0:
            _fail(group)
            return
        try:
            answers = self._work_traced(group, max(_WORK_S_MIN, within_s))
        except StorageUnavailable:
            _fail(group)
        except Exception as exc:
            if len(group) == 1:
                group[0].break_(exc)
            else:
                self._try_each(group, until_s)
        else:
            for waiting, answer in zip(group, answers, strict=True):
                waiting.keep(answer)

    def _work_traced(self, group: Sequence[_Waiting[Q, A]], within_s: float) -> Sequence[A]:
        """Do a group's work, under the span of the first who is traced; those of the others link to it."""
        items = [waiting.item for waiting in group]
        spans = [waiting.span for waiting in group if waiting.span is not None]
        if not spans:
            return self._work(items, within_s)
        for span in spans:
            span.set("paylink.group.size", len(group))
        for span in spans[1:]:
            span.link(spans[0])
        with working_for(spans[0]):
            return self._work(items, within_s)

    def _try_each(self, group: Sequence[_Waiting[Q, A]], until_s: float) -> None:
        """One that cannot be done must not take the others of its group with it."""
        for number, waiting in enumerate(group):
            self._try([waiting], until_s)
            if waiting.unavailable:
                # The others would wait for the same, one after the other.
                _fail(group[number:])
                return


def _fail(group: Iterable[_Waiting[Q, A]], error: type[PayLinkError] = StorageUnavailable) -> None:
    """Give those who still wait an error, to each its own: several threads will raise them."""
    for waiting in group:
        if not waiting.answer.done:
            waiting.unavailable = error is StorageUnavailable
            waiting.break_(error(retry_after_s=2) if waiting.unavailable else error())
