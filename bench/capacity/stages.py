"""What each stage needs for a load: places for functions, connections, processors of Postgres, bytes."""

import math
from dataclasses import dataclass

from bench.capacity.inputs import INSTANCES, RAW_BODY_DAYS, Calls, Inputs, Instance, Load
from bench.capacity.queueing import servers_at, servers_that_refuse, wait_s
from paylink.store.webhooks import LEDGER_SHARDS

SETS = {1: "one applied", 10: "ten applied", 100: "hundred applied"}
"""Events that process_webhook gets at once, and the measured figures for them."""


@dataclass(frozen=True)
class Intake:
    """receive_webhook on Lambda: whoever finds no place is refused, and does not wait."""

    service_s: float
    offered: float
    by_blocking: int
    by_request_limit: int

    @property
    def reserved(self) -> int:
        return max(self.by_blocking, self.by_request_limit)


@dataclass(frozen=True)
class Processing:
    """process_webhook: batches wait in the queue for a place."""

    batch: int
    service_s: float
    batches_per_s: float
    concurrency: int
    wait_p50_s: float
    wait_p99_s: float

    @property
    def utilisation(self) -> float:
        return self.batches_per_s * self.service_s / self.concurrency

    @property
    def events_per_s_max(self) -> float:
        return self.concurrency * self.batch / self.service_s


@dataclass(frozen=True)
class Postgres:
    """At the peak."""

    intake_cpu: float
    processing_cpu: float
    checkout_cpu: float
    processors: int
    commits_per_s: float
    wal_mb_per_s: float


def service_s(inputs: Inputs, calls: Calls, *, postgres_us: float, commits: int = 1) -> float:
    """
    Return how long an invocation takes on Lambda: a part of a processor, what Postgres works at for it, and its round
    trips, one after the other.
    """
    assumed = inputs.assumed
    part = min(1.0, assumed.memory_mb / assumed.memory_mb_per_cpu)
    waiting_ms = (
        assumed.invocation_ms
        + calls.database_round_trips * assumed.database_round_trip_ms
        + commits * assumed.commit_ms
        + calls.queue_calls * assumed.queue_call_ms
    )
    return (calls.cpu_us / part + postgres_us) / 1e6 + waiting_ms / 1e3


def receive_s(inputs: Inputs) -> float:
    """Return how long receive_webhook takes for one webhook."""
    measured = inputs.measured
    return service_s(inputs, measured.functions["receive_webhook"], postgres_us=measured.postgres_cpu_us["one"])


def process_s(inputs: Inputs, batch: int) -> float:
    """Return how long process_webhook takes for so many events, 1, 10 or 100."""
    measured = inputs.measured
    postgres_us = batch * measured.postgres_cpu_us[SETS[batch]]
    return service_s(inputs, measured.functions[f"process_webhook, {batch}"], postgres_us=postgres_us)


def intake(inputs: Inputs, load: Load) -> Intake:
    """The request limit asks for places that may never be busy; both are bounds of the connections."""
    each_s = receive_s(inputs)
    offered = load.peak_per_s * each_s
    by_limit = _by_request_limit(inputs, load.peak_per_s)
    return Intake(each_s, offered, servers_that_refuse(offered, inputs.assumed.refused), by_limit)


def _by_request_limit(inputs: Inputs, per_s: float) -> int:
    return math.ceil(per_s / inputs.limits.requests_per_concurrency)


def _places(inputs: Inputs, per_s: float, each_s: float) -> int:
    """Return what a function of the API needs, by both bounds."""
    return max(servers_that_refuse(per_s * each_s, inputs.assumed.refused), _by_request_limit(inputs, per_s))


def ledger_busy(inputs: Inputs, load: Load) -> float:
    """
    Return which part of the time each of an account's ledger rows is locked, if all webhooks are for that one account.

    Whoever stores one alone holds a row from its statement's end until the commit. More than 1: they cannot keep up.
    """
    return load.peak_per_s * inputs.assumed.commit_ms / 1e3 / LEDGER_SHARDS


def processing(inputs: Inputs, load: Load, batch: int, concurrency: int | None = None) -> Processing:
    each_s = process_s(inputs, batch)
    rate = load.peak_per_s / batch
    places = concurrency or max(2, servers_at(rate * each_s, inputs.assumed.worker_utilisation))
    return Processing(
        batch, each_s, rate, places, wait_s(places, rate, each_s, 0.5), wait_s(places, rate, each_s, 0.99)
    )


def checkouts(inputs: Inputs, load: Load) -> int:
    """Return the places of create_checkout: each holds its connection also while the provider is called."""
    assumed = inputs.assumed
    calls = Calls(assumed.checkout_cpu_us, 0, assumed.checkout_round_trips, 0, 0)
    each_s = (
        service_s(inputs, calls, postgres_us=assumed.checkout_postgres_us, commits=2) + assumed.provider_call_ms / 1e3
    )
    return _places(inputs, load.peak_per_s * assumed.checkouts_per_webhook, each_s)


def postgres(inputs: Inputs, load: Load, batch: int, stored: str = "one") -> Postgres:
    """`stored`: how many webhooks intake stores in one transaction, as the measured figures are named."""
    measured, assumed = inputs.measured, inputs.assumed
    per_s = load.peak_per_s
    intake_cpu = per_s * measured.postgres_cpu_us[stored] / 1e6
    processing_cpu = per_s * measured.postgres_cpu_us[SETS[batch]] / 1e6
    checkout_cpu = per_s * assumed.checkouts_per_webhook * assumed.checkout_postgres_us / 1e6
    size = {"one": 1, "ten": 10, "group": 128}[stored]
    return Postgres(
        intake_cpu,
        processing_cpu,
        checkout_cpu,
        servers_at(intake_cpu + processing_cpu + checkout_cpu, assumed.utilisation),
        per_s / size + per_s / batch + 2 * per_s * assumed.checkouts_per_webhook,
        per_s * (measured.wal_bytes[stored] + measured.wal_bytes[SETS[batch]]) / 1e6,
    )


@dataclass(frozen=True)
class Connections:
    """By function: places, each of which holds a connection while it lives, or several."""

    places: dict[str, int]
    each: dict[str, int]

    @property
    def reserved(self) -> int:
        return sum(self.places.values())

    @property
    def held(self) -> int:
        return sum(count * self.each.get(name, 1) for name, count in self.places.items())

    @property
    def to_allow(self) -> int:
        """Twice as many: during a deployment the places of the old version are frozen, and still connected."""
        return 2 * self.held + PEOPLE


PEOPLE = 20
"""For `paylink` commands, migrations, monitoring, and the superuser's own three."""
RECONCILE_CONNECTIONS = 8
"""reconcile_batch writes from several threads: the pool of a process has so many."""
MERCHANT_OTHERS, MERCHANT_PLACES = 5, 5
"""Functions that merchants call less often, and the places of each."""
OTHERS, OTHER_PLACES = 19, 2
"""Functions that operators and schedules call, and the places of each."""
PARAMETERS = {
    "receive_webhook": "IntakeConcurrency",
    "process_webhook": "WorkerConcurrency",
    "create_checkout": "CheckoutConcurrency",
    "get_transaction": "ReadConcurrency",
    "reconcile_batch": "ReconcileConcurrency",
}
"""Of template.yaml, by the function that it is for alone."""
DEFAULTS = {"receive_webhook": 20, "process_webhook": 4, "create_checkout": 20, "get_transaction": 8}
"""What template.yaml reserves unless it is told otherwise."""
RECONCILE_PLACES = 4


def connections(inputs: Inputs, load: Load, batch: int = 10) -> Connections:
    assumed = inputs.assumed
    reads_per_s = load.peak_per_s * assumed.checkouts_per_webhook * assumed.reads_per_checkout
    return _with_the_others(
        {
            "receive_webhook": intake(inputs, load).reserved,
            "process_webhook": processing(inputs, load, batch).concurrency,
            "create_checkout": checkouts(inputs, load),
            "get_transaction": _places(inputs, reads_per_s, assumed.read_ms / 1e3),
        }
    )


def default_connections() -> Connections:
    """Return those of template.yaml as it is."""
    return _with_the_others(DEFAULTS)


def _with_the_others(places: dict[str, int]) -> Connections:
    others = {
        "reconcile_batch": RECONCILE_PLACES,
        f"{MERCHANT_OTHERS} others of merchants, {MERCHANT_PLACES} each": MERCHANT_OTHERS * MERCHANT_PLACES,
        f"{OTHERS} of operators and schedules, {OTHER_PLACES} each": OTHERS * OTHER_PLACES,
        "`migrate_database`": 1,
    }
    return Connections(places | others, {"reconcile_batch": RECONCILE_CONNECTIONS})


def instance(inputs: Inputs, load: Load) -> Instance:
    """
    Return the smallest with enough processors, connections, and memory for these.

    Raises:
        ValueError: There is none.
    """
    to_allow = connections(inputs, load).to_allow
    processors = postgres(inputs, load, 10).processors
    for found in INSTANCES:
        if found.processors >= processors and bears(inputs, found, to_allow):
            return found
    raise ValueError(f"no instance bears {load.peak_per_s} a second")


def bears(inputs: Inputs, found: Instance, to_allow: int) -> bool:
    """Whether an instance lets in so many connections, and they leave it enough memory."""
    memory_gib = to_allow * inputs.measured.backend_memory_mb * 1e6 / 2**30
    return (
        found.connections(inputs.limits) >= to_allow
        and memory_gib <= found.memory_gib * inputs.assumed.memory_for_connections
    )


def read_share(inputs: Inputs, load: Load, events: float) -> float:
    """Return which part of webhooks reads a page from storage, as their place in the unique index is not in memory."""
    cache = instance(inputs, load).memory_gib * 2**30 * inputs.assumed.memory_for_pages
    return max(0.0, 1 - cache / (events * inputs.measured.unique_index_bytes))


@dataclass(frozen=True)
class Storage:
    """In GB, of so many events. Bodies go after their days; the rest stays."""

    narrow_gb: float
    unique_index_gb: float
    bodies_gb: float
    transactions_gb: float


def storage(inputs: Inputs, events: float, mean_per_s: float) -> Storage:
    measured = inputs.measured
    kept = min(events, mean_per_s * RAW_BODY_DAYS * 86_400)
    per_event = {name: sum(sizes.values()) for name, sizes in measured.bytes_per_event.items()}
    per_transaction = sum(sum(sizes.values()) for sizes in measured.bytes_per_transaction.values())
    return Storage(
        events * (per_event["webhook_events"] + per_event["transaction_events"]) / 1e9,
        events * measured.unique_index_bytes / 1e9,
        kept * per_event["webhook_bodies"] / 1e9,
        # Two events tell of a payment, more or less.
        events / 2 * per_transaction / 1e9,
    )
