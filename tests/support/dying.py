"""A process that takes a history through intake, processing and relay by their handlers, and dies on the way."""

import json
import multiprocessing
import os
import signal
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

from paylink.core.tracing import NO_TRACES, Traces
from paylink.runtime import wiring
from paylink.runtime.queues import encode_message
from paylink.runtime.settings import Settings
from paylink.runtime.wiring import Deps
from support.histories import History
from support.play import Play, PlayedProvider
from support.stack import Stack, record_of
from support.watched import Point, Points, Watched


class Course(Enum):
    """In which order things happen."""

    AS_IT_HAPPENED = "each stage delivered and processed before the next; of every other one the message is lost"
    BACKWARDS = "the last webhook first, then all of them in one message"


@dataclass(frozen=True)
class Journey:
    history: History
    attempt_id: str
    course: Course
    environ: dict[str, str]


@dataclass
class Log:
    """
    What a process told before it ended: its calls of ports, the webhooks it answered 2xx, the events that it queued and
    those that it put on the dead-letter queue.
    """

    calls: list[str] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    queued: list[UUID] = field(default_factory=list)
    dead: list[UUID] = field(default_factory=list)
    died: bool = False


def travel(journey: Journey, die_at: Point | None) -> Log:
    """
    Go on the journey in a process of its own, and return what it told.

    Raises:
        AssertionError: It did not end as it should: killed at the point, or well.
    """
    context = multiprocessing.get_context("forkserver")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_go, args=(journey, die_at, writer))
    process.start()
    writer.close()
    log = Log()
    with reader:
        while True:
            try:
                name, value = reader.recv()
            except EOFError:
                break
            getattr(log, name).extend(value)
    process.join()
    log.died = process.exitcode == -signal.SIGKILL
    assert log.died or process.exitcode == 0, (process.exitcode, log.calls[-3:])
    return log


class _ToldQueue:
    """The queue's service: what is sent is known outside this process, and outlives it."""

    def __init__(self, writer: "Connection[Any, Any]") -> None:
        self._writer = writer
        self.held: list[UUID] = []

    def send(self, event_row_ids: Sequence[UUID], delay_s: float = 0, traces: Traces = NO_TRACES) -> None:
        del delay_s  # it comes when the test likes
        self._writer.send(("queued", list(event_row_ids)))
        self.held += event_row_ids

    def send_dead(self, event_row_id: UUID, reason: str) -> None:
        self._writer.send(("dead", [event_row_id]))

    def depth(self) -> int:
        return 0


def _go(journey: Journey, die_at: Point | None, writer: "Connection[Any, Any]") -> None:

    os.environ.update(journey.environ)
    # Here and not above: it is the warm part, loaded before the fork.
    from support.warm import FUNCTIONS, ROUTER

    points = Points(die_at, lambda name: writer.send(("calls", [name])))
    deps, queue, play = _parts(journey, points, writer)
    wiring._build.cache_clear()
    wiring._build = lambda: deps  # type: ignore[assignment]  # the functions ask wiring for their parts
    stack = Stack(journey.environ, deps, "", FUNCTIONS, ROUTER)
    _Traveller(stack, queue, play, writer).go(journey.course)


def _parts(journey: Journey, points: Points, writer: "Connection[Any, Any]") -> tuple[Deps, _ToldQueue, Play]:
    """Every port is watched; nothing else is."""
    settings = Settings.from_environ(journey.environ)
    deps, queue = Deps(settings), _ToldQueue(writer)
    providers = {slug: PlayedProvider(adapter, journey.environ) for slug, adapter in deps.providers.items()}
    play = providers[journey.history.script.slug].play(journey.history, journey.attempt_id)
    watched = {slug: Watched(provider, slug, points) for slug, provider in providers.items()}
    database = deps.database
    vars(deps).update(providers=watched, database=Watched(database, "database", points))
    vars(deps).update(accounts=Watched(deps.accounts, "accounts", points), queue=Watched(queue, "queue", points))
    vars(deps).update(pulls=Watched(deps.pulls, "pulls", points))
    return deps, queue, play


@dataclass(frozen=True)
class _Traveller:
    stack: Stack
    queue: _ToldQueue
    play: Play
    writer: "Connection[Any, Any]"

    def go(self, course: Course) -> None:
        webhooks = list(enumerate(self.play.history.webhooks))
        if course is Course.BACKWARDS:
            self.play.stage = len(self.play.history.answers) - 1
            for number, _ in reversed(webhooks):
                self._deliver(number)
            self._work()
            return
        for stage in range(len(self.play.history.answers)):
            self.play.stage = stage
            for number in [n for n, sent in webhooks if sent.stage == stage]:
                self._deliver(number)
            if stage % 2 == 0:
                self.queue.held.clear()
                self.stack.make_due()
                self.stack.functions["relay_events"].call({})
            self._work()

    def _deliver(self, number: int) -> None:
        raw, headers = self.play.webhook(number)
        answer = self.stack.call("POST", f"/v1/webhook/{self.play.history.script.slug}", headers=headers, raw=raw)
        assert answer.status == 200, answer
        self.writer.send(("answered", [number]))

    def _work(self) -> None:
        """Process what is queued, in one message, until nothing more is."""
        while self.queue.held:
            ids, self.queue.held[:] = list(self.queue.held), []
            message = {"MessageId": uuid.uuid4().hex, "ReceiptHandle": "-", "Body": encode_message(ids)}
            failed = self.stack.functions["process_webhook"].call({"Records": [record_of(message)]})
            assert failed == {"batchItemFailures": []}, json.dumps(failed)
