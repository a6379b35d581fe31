"""One fault, from a fresh stack to the verdict."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from chaos.audit import Audit, audit, recovery_s, unfinished, unfinished_events, wrong_pages
from chaos.bounds import ANSWER_S, Bounds
from chaos.events import Webhook, paid_session
from chaos.payments import Shop, keep_buying
from chaos.seeding import seed_transactions
from chaos.sender import Sender
from chaos.stack import Stack, new_home, running_stack
from paylink_local.supervisor.home import Home

_POLL_S = 0.25
_PATIENCE_S = 60


@dataclass(frozen=True)
class Effort:
    """How hard and how long: webhooks and purchases a second, seconds before and after the fault, and of an outage."""

    webhooks_per_s: float
    purchases_per_s: float
    before_s: float
    after_s: float
    outage_s: float


@dataclass
class Scene:
    """What a fault may use. prepared: events that its `prepare` made, for its `strike` to send."""

    stack: Stack
    shop: Shop
    sender: Sender
    effort: Effort
    prepared: list[Webhook] = field(default_factory=list)


Strike = Callable[[Scene], AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """
    name: for `--only`. strike: a context manager that breaks something, and mends it when its block ends.

    lasts: whether the block is held for the effort's outage, or ends at once. prepare: runs before the load starts.
    around: wraps the whole life of the stack. cannot: why it cannot be tried on this machine, None if it can.
    """

    name: str
    what: str
    strike: Strike
    bounds: Bounds
    lasts: bool = False
    prepare: Callable[[Scene], None] | None = None
    around: Callable[[Home], AbstractContextManager[None]] | None = None
    cannot: Callable[[], str | None] = lambda: None


@dataclass(frozen=True)
class Outcome:
    """
    The figures of one trial. slowest_s: how long intake took to answer, or the network to say that it cannot.
    first_s: None when no event came and was applied after the fault. reconciled: what the webhooks had not told and
    reconciliation found. notes: what the load could not do.
    """

    fault: str
    lasted_s: float
    audit: Audit
    refused: int
    slowest_s: float
    first_s: float | None
    drained_s: float
    reconciled: int
    broken: Sequence[str]
    notes: Sequence[str]


def run(fault: Fault, effort: Effort) -> Outcome:
    """
    Try one fault.

    Raises:
        StackFailed: The stack did not start or stop, or a part of it never came back.
        NotDone: The sandbox or the API did not answer where nothing was broken.
    """
    with ExitStack() as life:
        home = life.enter_context(new_home())
        if fault.around:
            life.enter_context(fault.around(home))
        stack = life.enter_context(running_stack(home))
        scene = Scene(stack, Shop(stack, patience_s=_PATIENCE_S), Sender(stack.api), effort)
        if fault.prepare:
            fault.prepare(scene)
        return _try(fault, scene)


def _try(fault: Fault, scene: Scene) -> Outcome:
    stack, effort = scene.stack, scene.effort
    seconds = effort.before_s + effort.after_s + (effort.outage_s if fault.lasts else 0) + 30
    attempts = seed_transactions(stack, int(seconds * effort.webhooks_per_s))
    secret = stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"]
    events = [paid_session(secret, number, attempt) for number, attempt in enumerate(attempts)]
    pays = {event.event_id: attempt for event, attempt in zip(events, attempts, strict=True)}
    failures: list[str] = []
    with scene.sender as sender:
        with _load(scene, events, failures):
            time.sleep(effort.before_s)
            began = time.monotonic()
            with fault.strike(scene):
                time.sleep(effort.outage_s if fault.lasts else 0)
            ended_at, lasted_s = time.time(), time.monotonic() - began
            time.sleep(effort.after_s)
        deadline = time.monotonic() + fault.bounds.drained_s
        accepted_all = sender.finish(fault.bounds.drained_s)
        sent = sender.sent
    stack.await_healthy(fault.bounds.drained_s)
    reconciled = _settle(scene, deadline)
    ledger = scene.shop.ledger()
    found = audit(stack, sent, pays, ledger, scene.shop.deliveries())
    first_s, drained_s = recovery_s(stack, sent, ended_at)
    broken = [f"lost: {what} ({n})" for what, n in found.lost.items()]
    broken += [f"doubled: {what} ({n})" for what, n in found.doubled.items()]
    broken += unfinished_events(stack)
    broken += wrong_pages(stack, ledger["pages"])
    broken += [] if accepted_all else ["some events were refused to the end"]
    broken += fault.bounds.missed(first_s, drained_s)
    refused = sum(s.tries - s.accepted for s in sent)
    slowest_s = max(s.slowest_s for s in sent)
    broken += [f"an answer took {slowest_s:.1f} s, not {ANSWER_S:g} s"] if slowest_s > ANSWER_S else []
    return Outcome(fault.name, lasted_s, found, refused, slowest_s, first_s, drained_s, reconciled, broken, failures)


@contextmanager
def _load(scene: Scene, events: Sequence[Webhook], failures: list[str]) -> Iterator[None]:
    """Send and buy for the time of the block; what is on its way at its end is brought to its end."""
    over = threading.Event()
    buying = (scene.shop, scene.effort.purchases_per_s, over, failures)
    threads = [
        threading.Thread(target=scene.sender.offer, args=(events, scene.effort.webhooks_per_s, over)),
        *(threading.Thread(target=keep_buying, args=buying) for _ in range(2)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _settle(scene: Scene, deadline: float) -> int:
    """Wait until everything has ended; then have reconciliation find what no webhook told. Return how much it found."""
    shop, stack = scene.shop, scene.stack
    while time.monotonic() < deadline and (unfinished(stack) or _on_its_way(shop)):
        time.sleep(_POLL_S)
    found = 0
    while wrong_pages(stack, shop.ledger()["pages"]) and time.monotonic() < deadline:
        found += shop.reconcile()["changed"]
        time.sleep(_POLL_S)
    while unfinished(stack) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return found


def _on_its_way(shop: Shop) -> bool:
    return any(delivery["state"] == "pending" for delivery in shop.deliveries())
