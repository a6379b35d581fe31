"""The faults, in the order in which they are tried."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chaos import clock, disk, processes
from chaos.bounds import QUEUE_LOST, RESTARTED, RETURNED, UNHURT, provider_gone
from chaos.events import paid_invoice
from chaos.trial import Fault, Scene, Strike

_CONFIRMED = "xendit"
"""Its webhooks prove nothing: each is confirmed by asking the provider."""
_TELL_OF_UNPAID = ("stripe", "xendit")
"""Midtrans knows nothing of a page on which no method was chosen: it ends by our clock."""
_INVOICES = 40
_SKEW_S = 600


def _at_once(act: Callable[[Scene], object]) -> Strike:
    """A fault that is over as soon as it is done."""

    @contextmanager
    def strike(scene: Scene) -> Iterator[None]:
        act(scene)
        yield

    return strike


def _kill(service: str, number: int = signal.SIGKILL) -> Strike:
    return _at_once(lambda scene: processes.kill(scene.stack, service, number))


def _down(service: str, number: int = signal.SIGKILL) -> Strike:
    return lambda scene: processes.kept_down(scene.stack, service, number)


def _flush_valkey(scene: Scene) -> None:
    address = unquote(urlsplit(scene.stack.environ["PAYLINK_REDIS_URL"]).path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(Path(address)))
        client.sendall(b"FLUSHALL\r\n")
        answer = client.recv(16)
    assert answer.startswith(b"+OK"), answer


def _pay_in_silence(scene: Scene) -> None:
    """Have invoices paid whose webhooks the sandbox never sends: they are the load's to send, during the fault."""
    scene.shop.arm("webhook_drop", provider=_CONFIRMED)
    urls = [scene.shop.checkout(_CONFIRMED) for _ in range(_INVOICES)]
    pages = [scene.shop.page(url) for url in urls]
    for page in pages:
        scene.shop.press(page, "pay")
    scene.shop.disarm()
    token = scene.stack.environ["PAYLINK_XENDIT_CALLBACK_TOKEN"]
    scene.prepared = [paid_invoice(token, page) for page in pages]


def _telling(break_api: Callable[[Scene], AbstractContextManager[None]]) -> Strike:
    """While the provider's API is broken, webhooks come that cannot be believed without it."""

    @contextmanager
    def strike(scene: Scene) -> Iterator[None]:
        with break_api(scene):
            scene.sender.offer(scene.prepared, scene.effort.webhooks_per_s, threading.Event())
            yield

    return strike


@contextmanager
def _errors(scene: Scene) -> Iterator[None]:
    scene.shop.arm("api_error_before", provider=_CONFIRMED)
    try:
        yield
    finally:
        scene.shop.disarm()


@contextmanager
def _all_knobs(scene: Scene) -> Iterator[None]:
    """Every way in which a provider's webhooks go wrong, at all providers; and some pages are never paid."""
    unpaid = [scene.shop.page(scene.shop.checkout(provider)) for provider in _TELL_OF_UNPAID for _ in range(3)]
    scene.shop.arm("webhook_drop", count=12)
    scene.shop.arm("webhook_duplicate", copies=2, count=20)
    scene.shop.arm("webhook_reorder", seconds=2, count=20)
    scene.shop.arm("webhook_delay", seconds=3, count=20)
    scene.shop.arm("webhook_before_answer", count=6)
    for page in unpaid:
        scene.shop.press(page, "expire")
    try:
        yield
    finally:
        scene.shop.disarm()


def matrix(outage_s: float) -> list[Fault]:
    """Return all faults. outage_s: how long those last that do not end at once."""
    asked = provider_gone(outage_s)
    lasting = partial(Fault, lasts=True)
    provider = partial(Fault, bounds=asked, lasts=True, prepare=_pay_in_silence)

    def skewed(name: str, what: str, skew_s: int) -> Fault:
        def strike(scene: Scene) -> AbstractContextManager[None]:
            return clock.skewed_gateway(scene.stack, skew_s)

        return Fault(name, what, strike, RETURNED, lasts=True, cannot=clock.cannot_skew)

    return [
        Fault("none", "nothing is broken", lambda scene: nullcontext(), UNHURT),
        Fault("postgres-restart", "Postgres is shut down at once", _kill("postgres", signal.SIGQUIT), RESTARTED),
        Fault("postgres-kill", "Postgres is killed", _kill("postgres"), RESTARTED),
        lasting("postgres-down", "Postgres is stopped", _down("postgres", signal.SIGINT), RETURNED),
        lasting(
            "postgres-frozen",
            "every process of Postgres stands still (SIGSTOP)",
            lambda scene: processes.frozen(scene.stack, "postgres"),
            RETURNED,
        ),
        lasting(
            "postgres-disk-full",
            "Postgres' disk is full",
            lambda scene: disk.filled(scene.stack),
            RETURNED,
            around=disk.small_disk,
            cannot=disk.cannot_mount,
        ),
        lasting("valkey-down", "Valkey is stopped", _down("valkey"), UNHURT),
        Fault("valkey-flush", "Valkey forgets everything", _at_once(_flush_valkey), UNHURT),
        Fault("localstack-kill", "LocalStack is killed, and its queues with it", _kill("localstack"), QUEUE_LOST),
        lasting("localstack-down", "LocalStack is away, and comes back empty", _down("localstack"), QUEUE_LOST),
        Fault("worker-kill", "the worker is killed", _kill("worker"), RESTARTED),
        Fault(
            "gateway-process-kill",
            "one process of the gateway is killed",
            _at_once(lambda scene: processes.kill_one_worker_process(scene.stack)),
            RESTARTED,
        ),
        Fault("gateway-kill", "the whole gateway is killed", _kill("gateway"), RETURNED),
        provider("provider-errors", "the provider's API answers 503", _telling(_errors)),
        provider(
            "provider-slow",
            "the provider answers only every sixth second",
            _telling(lambda scene: processes.slow(scene.stack, "sandbox", stopped_s=6, running_s=0.3)),
        ),
        provider("provider-down", "the provider cannot be reached", _telling(_down("sandbox"))),
        skewed("clock-ahead", "the gateway's clock is 10 minutes ahead", _SKEW_S),
        skewed("clock-behind", "the gateway's clock is 10 minutes late", -_SKEW_S),
        lasting("all-knobs", "webhooks are dropped, doubled, reordered, delayed and early", _all_knobs, asked),
    ]
