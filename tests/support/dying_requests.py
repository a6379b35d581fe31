"""A process that makes a merchant's request, or runs resolve_unknown, by their handlers, and dies on the way."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

from paylink.core.tracing import NO_TRACES, Traces
from paylink.providers.http import ProviderHttp
from paylink.providers.port import Provider
from paylink.runtime import wiring
from paylink.runtime.settings import Settings
from paylink.runtime.wiring import Deps
from support.stack import Stack
from support.watched import Point, Points, Watched


@dataclass(frozen=True)
class Request:
    """A POST with the demo merchant's key. Without a path, resolve_unknown runs."""

    path: str | None = None
    body: dict[str, Any] = field(default_factory=dict)
    key: str = ""


@dataclass
class Told:
    """What a process told before it ended: its calls of ports, and the status of its answer."""

    calls: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    died: bool = False


def make(request: Request, environ: dict[str, str], die_at: Point | None) -> Told:
    """
    Make the request in a process of its own.

    Raises:
        AssertionError: It did not end as it should: killed, or well.
    """
    context = multiprocessing.get_context("forkserver")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_make, args=(request, environ, die_at, writer))
    process.start()
    writer.close()
    told = Told()
    with reader:
        while True:
            try:
                name, value = reader.recv()
            except EOFError:
                break
            getattr(told, name).append(value)
    process.join()
    told.died = process.exitcode == -signal.SIGKILL
    assert told.died or process.exitcode == 0, (process.exitcode, told.calls[-3:])
    return told


class _LostQueue:
    """Every message is lost: what was woken is found by the relay."""

    def send(self, event_row_ids: Sequence[UUID], delay_s: float = 0, traces: Traces = NO_TRACES) -> None:
        pass


def _make(request: Request, environ: dict[str, str], die_at: Point | None, writer: "Connection[Any, Any]") -> None:
    os.environ.update(environ)
    # Here and not above: it is the warm part, loaded before the fork.
    from support.warm import FUNCTIONS, ROUTER

    points = Points(die_at, lambda name: writer.send(("calls", name)))
    deps = _deps(environ, points)
    wiring._build.cache_clear()
    wiring._build = lambda: deps  # type: ignore[assignment]  # the functions ask wiring for their parts
    stack = Stack(environ, deps, "", FUNCTIONS, ROUTER)
    if request.path is None:
        stack.functions["resolve_unknown"].call({})
    else:
        answer = stack.merchant("POST", request.path, request.body, idempotency_key=request.key)
        writer.send(("statuses", answer.status))


def _deps(environ: dict[str, str], points: Points) -> Deps:
    """Every port is watched; of providers, each call that leaves us."""
    deps = Deps(Settings.from_environ(environ))
    for slug, provider in deps.providers.items():
        _watch_calls(provider, slug, points)
    vars(deps).update(queue=Watched(_LostQueue(), "queue", points))
    vars(deps).update(database=Watched(deps.database, "database", points))
    vars(deps).update(accounts=Watched(deps.accounts, "accounts", points))
    vars(deps).update(pulls=Watched(deps.pulls, "pulls", points), buckets=Watched(deps.buckets, "buckets", points))
    return deps


def _watch_calls(provider: Provider, slug: str, points: Points) -> None:
    client: Any = vars(provider)["_client"]
    for name, part in vars(client).items():
        if isinstance(part, ProviderHttp):
            setattr(client, name, Watched(part, slug, points))
