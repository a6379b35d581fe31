"""Runs schedules on time, in the one process that is elected for it."""

import json
import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from paylink.core.metrics import FAILED, FUNCTION_DURATION, OK
from paylink.runtime.process_metrics import process_metrics
from paylink_local.functions import FunctionTimeout, LoadedFunction
from paylink_local.template import Schedule
from paylink_local.timetable import Rate, parse_expression
from paylink_local.worker.backoff import Backoff
from paylink_local.worker.election import Election

_FIRST_RUN_AFTER_S = 0.5
_TICK_S = 1.0
_RUNS_MAX = 4
"""Runs of one schedule at once. They may overlap, as on AWS; but a handler that hangs must not gather threads."""

_log = logging.getLogger("paylink_local.worker")


class Plan:
    """
    One schedule and when it is due next.

    A rate is counted on the monotonic clock and runs at least every `rate_s_max` seconds, however rare the template
    wants it; cron follows the wall clock.

    Raises:
        TemplateError: The expression or the time zone cannot be followed.
    """

    def __init__(self, schedule: Schedule, function: LoadedFunction, rate_s_max: int) -> None:
        self._schedule = schedule
        self._function = function
        self._timing = parse_expression(schedule.expression, schedule.timezone)
        self._interval_s = min(self._timing.interval_s, rate_s_max) if isinstance(self._timing, Rate) else 0
        self._next_s = 0.0
        self._next: datetime | None = None
        self._running = 0
        self._changed = threading.Condition()

    def begin(self, now_s: float, now: datetime) -> None:
        """Count from now on: a rate's first run is close."""
        self._next_s = now_s + _FIRST_RUN_AFTER_S
        self._next = None if isinstance(self._timing, Rate) else self._timing.next_after(now)

    def take_due(self, now_s: float, now: datetime) -> bool:
        """Tell whether a run is due, and set the next; runs that were missed are not made up for."""
        if isinstance(self._timing, Rate):
            if now_s < self._next_s:
                return False
            self._next_s += self._interval_s
            if self._next_s <= now_s:
                self._next_s = now_s + self._interval_s
            return True
        if self._next is None or now < self._next:
            return False
        self._next = self._timing.next_after(now)
        return True

    def seconds_left(self, now_s: float, now: datetime) -> float:
        """Return how long until the next run."""
        if isinstance(self._timing, Rate):
            return self._next_s - now_s
        return (self._next - now).total_seconds() if self._next else float("inf")

    def start_run(self) -> None:
        """Run the function on a thread of its own."""
        with self._changed:
            if self._running >= _RUNS_MAX:
                _log.error("schedule %s: skipped a run, %d have not ended", self._schedule.name, self._running)
                return
            self._running += 1
        threading.Thread(target=self._run, name=self._schedule.name, daemon=True).start()

    def join(self, until_s: float) -> bool:
        """Wait for the runs to end, to a time of the monotonic clock; tell whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, max(0.0, until_s - time.monotonic()))

    def _run(self) -> None:
        fields = {"function": self._function.function.name, "schedule": self._schedule.name}
        started_s, outcome = time.perf_counter(), FAILED
        ended: threading.Event | None = None
        try:
            self._function.call_within_timeout(json.loads(self._schedule.payload))
            outcome = OK
            ms = round((time.perf_counter() - started_s) * 1000, 1)
            _log.debug("schedule done", extra={"fields": {**fields, "ms": ms}})
        except FunctionTimeout as exc:
            _log.error(str(exc), extra={"fields": {**fields, "stack": exc.stack}})
            ended = exc.ended
        except BaseException as exc:  # a handler that calls sys.exit() ends its run and nothing else
            _log.error("function %s raised", self._function.function.name, exc_info=exc, extra={"fields": fields})
        # What hangs is counted, too, though it may never end.
        process_metrics().observe(
            FUNCTION_DURATION, time.perf_counter() - started_s, self._function.function.folder, outcome
        )
        if ended is not None:
            ended.wait()
        with self._changed:
            self._running -= 1
            self._changed.notify_all()


class Scheduler:
    """
    Follows all plans until `stop` is set.

    One thread sees to the election and starts the runs, in turn: no run starts without the lock confirmed just before.
    """

    def __init__(self, plans: Sequence[Plan], election: Election, stop: threading.Event) -> None:
        self._plans = plans
        self._election = election
        self._stop = stop
        self._thread = threading.Thread(target=self._follow, name="schedules", daemon=True)

    def start(self) -> None:
        """Stand for election, and begin."""
        self._thread.start()

    def join(self, until_s: float) -> bool:
        """Wait for the runs to end, to a time of the monotonic clock; tell whether they have."""
        self._thread.join(max(0.0, until_s - time.monotonic()))
        return all([plan.join(until_s) for plan in self._plans])

    def _follow(self) -> None:
        leads = False
        backoff = Backoff(self._stop, _TICK_S)
        while not self._stop.is_set():
            led, leads = leads, self._election.confirm()
            if leads:
                backoff.reset()
                self._stop.wait(self._turn(began=not led))
            else:
                backoff.wait()
        self._election.resign()

    def _turn(self, began: bool) -> float:
        """Start what is due, and return how long to sleep."""
        now_s, now = time.monotonic(), datetime.now(UTC)
        for plan in self._plans:
            if began:
                plan.begin(now_s, now)
            if plan.take_due(now_s, now):
                plan.start_run()
        return max(0.01, min(_TICK_S, *(plan.seconds_left(now_s, now) for plan in self._plans)))
