"""Several processes at once, each of them intake, worker and relay, on a real queue. Any may be killed at any time."""

import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

from paylink.runtime import wiring
from paylink.runtime.settings import Settings
from paylink.runtime.wiring import Deps
from support.histories import History
from support.play import PlayedProvider
from support.stack import Stack

_DRAIN_EVERY, _RELAY_EVERY = 3, 10

Webhook = tuple[int, int]
"""Which payment's, and its number in that payment's history."""


@dataclass(frozen=True)
class Shift:
    """The work of one process: the webhooks that arrive there. `payments` are all there are, with their attempts."""

    payments: tuple[tuple[History, str], ...]
    webhooks: tuple[Webhook, ...]
    environ: dict[str, str]


class Worker:
    """One process at work; tells which webhooks it answered with 2xx."""

    def __init__(self, shift: Shift) -> None:
        self._shift = shift
        context = multiprocessing.get_context("forkserver")
        self._reader, writer = context.Pipe(duplex=False)
        self._process: ForkServerProcess = context.Process(target=_work, args=(shift, writer))
        self._process.start()
        writer.close()

    def kill(self) -> "tuple[list[Webhook], Shift]":
        """End it with SIGKILL; return what it had answered, and the shift of the one that takes its place."""
        self._process.kill()
        answered = self.join()
        left = tuple(webhook for webhook in self._shift.webhooks if webhook not in answered)
        return answered, Shift(self._shift.payments, left, self._shift.environ)

    def join(self) -> list[Webhook]:
        """Wait for its end; return what it had answered."""
        answered: list[Webhook] = []
        with self._reader:
            while True:
                try:
                    answered.append(self._reader.recv())
                except EOFError:
                    break
        self._process.join()
        return answered

    @property
    def ended_well(self) -> bool:
        return self._process.exitcode == 0


def _work(shift: Shift, writer: "Connection[Any, Any]") -> None:
    os.environ.update(shift.environ)
    from support.warm import FUNCTIONS, ROUTER

    deps = Deps(Settings.from_environ(shift.environ))
    providers = {slug: PlayedProvider(adapter, shift.environ) for slug, adapter in deps.providers.items()}
    plays = [providers[history.script.slug].play(history, attempt) for history, attempt in shift.payments]
    for play in plays:
        play.stage = len(play.history.answers) - 1
    vars(deps).update(providers=providers)
    wiring._build = lambda: deps  # type: ignore[assignment]  # the functions ask wiring for their parts
    stack = Stack(shift.environ, deps, "", FUNCTIONS, ROUTER)
    for done, (payment, number) in enumerate(shift.webhooks):
        raw, headers = plays[payment].webhook(number)
        slug = plays[payment].history.script.slug
        answer = stack.call("POST", f"/v1/webhook/{slug}", headers=headers, raw=raw)
        assert answer.status == 200, answer
        writer.send((payment, number))
        if done % _DRAIN_EVERY == 0:
            stack.drain()
        if done % _RELAY_EVERY == 0:
            # Also what another process works at right now: as if it were so slow that its lease ran out.
            stack.make_due()
            stack.functions["relay_events"].call({})
    while stack.drain():
        pass


def shares(webhooks: Sequence[Webhook], count: int) -> list[tuple[Webhook, ...]]:
    return [tuple(webhooks[n::count]) for n in range(count)]
