"""A process that makes a checkout by its handler, and dies on the way."""

import multiprocessing
import os
import signal
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from paylink.providers.http import ProviderHttp
from paylink.runtime import wiring
from paylink.runtime.settings import Settings
from paylink.runtime.wiring import Deps
from support.stack import Answer, Stack
from support.watched import Point, Points, Watched


@dataclass(frozen=True)
class Order:
    """A request with its key. Where it names no provider the merchant's routing decides."""

    key: str
    body: dict[str, Any]
    environ: dict[str, str]


@dataclass
class Ordered:
    """What a process told before it ended: its calls of ports, and the answer, if the client got one."""

    calls: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    died: bool = False


def order(one: Order, die_at: Point | None) -> Ordered:
    """
    Make a checkout in a process of its own, and return what it told.

    Raises:
        AssertionError: It did not end as it should: killed at the point, or well.
    """
    context = multiprocessing.get_context("forkserver")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_go, args=(one, die_at, writer))
    process.start()
    writer.close()
    told = Ordered()
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


def _go(one: Order, die_at: Point | None, writer: "Connection[Any, Any]") -> None:
    os.environ.update(one.environ)
    # Here and not above: it is the warm part, loaded before the fork.
    from support.warm import FUNCTIONS, ROUTER

    points = Points(die_at, lambda name: writer.send(("calls", name)))
    deps = _parts(one, points)
    wiring._build.cache_clear()
    wiring._build = lambda: deps  # type: ignore[assignment]  # the functions ask wiring for their parts
    stack = Stack(one.environ, deps, "", FUNCTIONS, ROUTER)
    writer.send(("answers", stack.merchant("POST", "/v1/checkout", one.body, idempotency_key=one.key)))


def _parts(one: Order, points: Points) -> Deps:
    """Every port is watched, and each request to a provider beneath its adapter."""
    deps = Deps(Settings.from_environ(one.environ))
    providers = {slug: Watched(provider, slug, points) for slug, provider in deps.providers.items()}
    vars(deps).update(providers=providers, database=Watched(deps.database, "database", points))
    for name in ("accounts", "breakers", "answers", "queue", "pulls", "door"):
        vars(deps)[name] = Watched(getattr(deps, name), name, points)
    send = ProviderHttp.send

    def watched(http: ProviderHttp, method: str, *args: Any, **kwargs: Any) -> Any:
        return points.call(f"http.send({method})", lambda: send(http, method, *args, **kwargs))

    ProviderHttp.send = watched  # type: ignore[method-assign, assignment]  # in this process, which ends soon
    return deps
