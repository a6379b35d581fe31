"""What the model starts from: what was measured, what is assumed of AWS, its limits, its prices, and the loads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).with_name("measured.json")


@dataclass(frozen=True)
class Calls:
    """What one invocation took, on average; the wall time is the median. Round trips to the database hold commits."""

    cpu_us: float
    wall_us: float
    database_round_trips: float
    queue_calls: float
    log_bytes: float


@dataclass(frozen=True)
class Measured:
    """
    See `measure.py`.

    functions: `receive_webhook` for one webhook; `process_webhook, 1`, `, 10` and `, 100` for so many events.
    postgres_cpu_us, wal_bytes: for each event, by how many of them one transaction holds.
    unique_index_bytes: of the index by which an event counts once, for each event; part of the next.
    bytes_per_*: by table, of rows and of indexes.
    """

    machine: Mapping[str, str]
    events: int
    body_bytes: int
    functions: Mapping[str, Calls]
    store_wall_us: Mapping[str, float]
    postgres_cpu_us: Mapping[str, float]
    wal_bytes: Mapping[str, float]
    backend_memory_mb: float
    unique_index_bytes: float
    bytes_per_event: Mapping[str, Mapping[str, float]]
    bytes_per_transaction: Mapping[str, Mapping[str, float]]

    @classmethod
    def read(cls, file: Path = MEASURED) -> "Measured":
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        calls = {name: Calls(**figures) for name, figures in found.pop("functions").items()}
        return cls(functions=calls, **found)


@dataclass(frozen=True)
class Assumed:
    """Not measured here. Times in milliseconds, within one region; measure your own and put them in."""

    memory_mb: int = 512
    memory_mb_per_cpu: int = 1769
    """With so much memory a function has one whole processor; with less, that part of one."""
    database_round_trip_ms: float = 1.0
    """Between availability zones."""
    commit_ms: float = 3.0
    """Until the storage of Aurora has it in four of six places."""
    queue_call_ms: float = 8.0
    invocation_ms: float = 1.0
    """What Lambda's own runtime adds to the time that is billed."""
    platform_log_bytes: int = 350
    """What Lambda itself logs of each invocation: START, END, REPORT."""
    provider_call_ms: float = 500.0
    checkout_cpu_us: float = 3050.0
    """Of the gateway, and next of Postgres: docs/performance.md, "Processor time of each part for one request"."""
    checkout_postgres_us: float = 1653.0
    checkout_round_trips: int = 8
    checkouts_per_webhook: float = 0.1
    """At the peak: a peak of webhooks is one of redeliveries and of payments' ends, not of new orders."""
    reads_per_checkout: int = 2
    read_ms: float = 20.0
    utilisation: float = 0.6
    """Of Postgres' processors at the peak: the rest is for vacuum, reconciliation, and a failover's cold cache."""
    worker_utilisation: float = 0.7
    memory_for_connections: float = 0.25
    """At most such a part of the server's memory."""
    memory_for_pages: float = 0.5
    """Such a part of it keeps pages of that index, next to all else."""
    refused: float = 1e-6
    """The share of webhooks that find no free place for their function. Providers send those again, minutes later."""


@dataclass(frozen=True)
class Limits:
    """AWS' own."""

    requests_per_concurrency: int = 10
    """A function serves at most so many requests a second for each unit of its concurrency, however short they are."""
    queue_in_flight: int = 120_000
    unreserved_concurrency: int = 100
    """So much of the next quota cannot be reserved."""
    account_concurrency: int = 1_000
    """A quota that is raised on request, as the next one is."""
    api_per_s: int = 10_000
    connections_max: int = 5_000
    """What Aurora sets by default, for the larger instances."""
    connection_bytes: int = 9_531_392
    """It allows one connection for so much memory."""


@dataclass(frozen=True)
class Instance:
    name: str
    processors: int
    memory_gib: int
    usd_per_hour: float

    def connections(self, limits: Limits) -> int:
        """Aurora's default of max_connections: LEAST({DBInstanceClassMemory/9531392}, 5000)."""
        return min(self.memory_gib * 2**30 // limits.connection_bytes, limits.connections_max)


INSTANCES = (
    Instance("db.t4g.medium", 2, 4, 0.073),
    Instance("db.r7g.large", 2, 16, 0.276),
    Instance("db.r7g.xlarge", 4, 32, 0.553),
    Instance("db.r7g.2xlarge", 8, 64, 1.106),
    Instance("db.r7g.4xlarge", 16, 128, 2.212),
    Instance("db.r7g.8xlarge", 32, 256, 4.424),
)


@dataclass(frozen=True)
class Prices:
    """USD of us-east-1, from memory: look them up before you rely on a sum."""

    as_of: str = "mid 2025"
    api_per_million: float = 3.50
    invocations_per_million: float = 0.20
    gb_second: float = 0.0000166667
    queue_calls_per_million: float = 0.40
    log_gb: float = 0.50
    storage_gb_month: float = 0.10
    storage_io_per_million: float = 0.20
    cache_node_hour: float = 0.068
    """Two of them: cache.t4g.medium, Multi-AZ."""
    container_cpu_hour: float = 0.04048
    container_gb_hour: float = 0.004445
    hours_per_month: int = 730


@dataclass(frozen=True)
class Load:
    """Webhooks a second: at the peak, and over a month."""

    peak_per_s: int
    mean_per_s: float

    @property
    def per_month(self) -> float:
        return self.mean_per_s * 30.4 * 86_400


LOADS = (Load(100, 2.5), Load(1_000, 25), Load(10_000, 250))
RAW_BODY_DAYS = 90
"""PAYLINK_RAW_BODY_DAYS"""


@dataclass(frozen=True)
class Inputs:
    measured: Measured
    assumed: Assumed = field(default_factory=Assumed)
    limits: Limits = field(default_factory=Limits)
    prices: Prices = field(default_factory=Prices)
