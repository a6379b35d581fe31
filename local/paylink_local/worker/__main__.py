"""`python -m paylink_local.worker`: feeds queues and schedules to their functions until SIGTERM or SIGINT."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from paylink_local.figures import keep_metrics, metrics_folder
from paylink_local.functions import FunctionLoadError, LoadedFunction, apply_environment, load_function
from paylink_local.garbage import settle
from paylink_local.queues import SQS_ERRORS, Queues
from paylink_local.runtime_log import configure_logging
from paylink_local.settings import SettingsError, whole_number
from paylink_local.template import Template, TemplateError, find_template, load_template
from paylink_local.worker.backoff import Backoff
from paylink_local.worker.election import Election
from paylink_local.worker.mapping import Mapping
from paylink_local.worker.metrics_port import MetricsPort
from paylink_local.worker.schedules import Plan, Scheduler

_DRAIN_S = 7
_RETRY_S_MAX = 3.0

_log = logging.getLogger("paylink_local.worker")


def main() -> None:
    """Check what can be checked at once, then work; exit with one line when that fails."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ready_file = os.environ.get("PAYLINK_READY_FILE")
    try:
        configure_logging()
        template = load_template(find_template())
        apply_environment(template)
        port = MetricsPort.from_environ(os.environ)
        worker = Worker(template, stop)
    except (TemplateError, SettingsError, FunctionLoadError) as exc:
        sys.exit(f"paylink worker: {exc}")
    try:
        # What has a page of its own is not told on the gateway's as well.
        with metrics_folder(own=port is not None) as folder, port.serving(folder) if port else nullcontext():
            keep_metrics("worker")
            worker.run(Path(ready_file) if ready_file else None)
    except SettingsError as exc:
        sys.exit(f"paylink worker: {exc}")
    finally:
        if ready_file:
            Path(ready_file).unlink(missing_ok=True)


class Worker:
    """
    All mappings and schedules of one template.

    Raises:
        FunctionLoadError: A function that it would feed cannot be loaded.
        SettingsError: A setting is missing or unusable.
        TemplateError: A schedule cannot be followed.
    """

    def __init__(self, template: Template, stop: threading.Event) -> None:
        self._stop = stop
        self._template = template
        loaded = [load_function(function) for function in template.functions if function.mappings or function.schedules]
        slots = sum(mapping.concurrency for one in loaded for mapping in one.function.mappings)
        self._queues = Queues(
            template,
            os.environ["AWS_ENDPOINT_URL_SQS"],
            os.environ["AWS_DEFAULT_REGION"],
            connections=slots + len(template.queues) + 1,
        )
        self._mappings = [
            Mapping(mapping, one, template, self._queues, stop) for one in loaded for mapping in one.function.mappings
        ]
        self._scheduler = _scheduler(loaded, stop)

    def run(self, ready_file: Path | None) -> None:
        """Work until `stop` is set, then end what has begun. `ready_file` appears once every queue is polled."""
        if ready_file:
            ready_file.unlink(missing_ok=True)
        if not self._create_queues():
            return
        for mapping in self._mappings:
            mapping.start()
        if self._scheduler:
            self._scheduler.start()
        for mapping in self._mappings:
            while not (mapping.polling.wait(0.2) or self._stop.is_set()):
                pass
        settle()
        if ready_file and not self._stop.is_set():
            ready_file.touch()
        self._stop.wait()
        self._drain()

    def _create_queues(self) -> bool:
        """Create the queues, however long it takes SQS to be there; False when the process is asked to end before."""
        backoff = Backoff(self._stop, _RETRY_S_MAX)
        while not self._stop.is_set():
            try:
                self._queues.ensure()
                return True
            except SQS_ERRORS as exc:
                _log.warning("cannot create the queues yet: %s", exc)
                backoff.wait()
        return False

    def _drain(self) -> None:
        until_s = time.monotonic() + _DRAIN_S
        parts: list[Mapping | Scheduler] = [*self._mappings, *([self._scheduler] if self._scheduler else [])]
        if not all([part.join(until_s) for part in parts]):
            _log.warning("stopped before everything had ended; messages in work come again")


def _scheduler(loaded: Sequence[LoadedFunction], stop: threading.Event) -> Scheduler | None:
    rate_s_max = whole_number("PAYLINK_SCHEDULE_RATE_MAX_S", default=10, low=1, high=86_400)
    plans = [Plan(schedule, one, rate_s_max) for one in loaded for schedule in one.function.schedules]
    if not plans:
        return None
    database_url = os.environ.get("PAYLINK_DATABASE_URL")
    if not database_url:
        raise SettingsError("PAYLINK_DATABASE_URL is not set: the worker that runs the schedules is elected there")
    return Scheduler(plans, Election(database_url), stop)


if __name__ == "__main__":
    main()
