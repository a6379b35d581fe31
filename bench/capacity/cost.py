"""What a month costs: the formula, with prices as inputs."""

from dataclasses import dataclass

from bench.capacity.inputs import Inputs, Instance, Load
from bench.capacity.stages import SETS, process_s, receive_s

PAGE_BYTES = 8192


@dataclass(frozen=True)
class Cost:
    """USD for each million webhooks, by what it is for; and what a month costs however many come."""

    per_million: dict[str, float]
    per_month: dict[str, float]

    @property
    def million(self) -> float:
        return sum(self.per_million.values())

    @property
    def month(self) -> float:
        return sum(self.per_month.values())

    def whole_per_million(self, load: Load) -> float:
        """Return what each million costs when a month's fixed costs are divided among its webhooks."""
        return self.million + self.month / (load.per_month / 1e6)


def on_lambda(inputs: Inputs, batch: int, database: Instance) -> Cost:
    """`batch`: how many events process_webhook gets at once. At the mean rate batches are smaller: then it is 1."""
    return Cost(
        {
            "API Gateway": inputs.prices.api_per_million,
            "receive_webhook": _function(inputs, receive_s(inputs), 1),
            **_behind(inputs, batch, sends=1),
        },
        _fixed(inputs, database),
    )


def in_containers(inputs: Inputs, batch: int, database: Instance, load: Load, cpu_us: float, group: int) -> Cost:
    """
    Intake in long-lived processes, on whole processors that are there for the peak, busy as much as Postgres' may be.

    cpu_us: of the gateway for each webhook. group: webhooks that share a message.
    """
    processors = -(-load.peak_per_s * cpu_us / 1e6 // inputs.assumed.utilisation)
    hour = max(2.0, processors) * (inputs.prices.container_cpu_hour + 2 * inputs.prices.container_gb_hour)
    return Cost(
        _behind(inputs, batch, sends=1 / group),
        {**_fixed(inputs, database), "containers": hour * inputs.prices.hours_per_month},
    )


def _behind(inputs: Inputs, batch: int, *, sends: float) -> dict[str, float]:
    """What comes after intake. Receiving and deleting are calls for ten messages at most."""
    prices, measured = inputs.prices, inputs.measured
    by_lambda = inputs.assumed.platform_log_bytes
    logged = (measured.functions[f"process_webhook, {batch}"].log_bytes + by_lambda) / batch
    # A process that lives on has no such lines of Lambda's.
    logged += measured.functions["receive_webhook"].log_bytes + (by_lambda if sends == 1 else 0)
    stored = sum(sum(sizes.values()) for sizes in measured.bytes_per_event.values())
    wal = measured.wal_bytes["one"] + measured.wal_bytes[SETS[batch]]
    return {
        "SQS": prices.queue_calls_per_million * (sends + 2 * max(sends / 10, 1 / batch)),
        "process_webhook": _function(inputs, process_s(inputs, batch), batch),
        "logs": prices.log_gb * logged / 1e3,
        # Aurora counts what it writes in units of 4 KiB, and reads in pages.
        "database I/O": prices.storage_io_per_million * wal / 4096,
        "storage, a first month": prices.storage_gb_month * stored / 1e3,
    }


def _function(inputs: Inputs, each_s: float, events: int) -> float:
    gb_seconds = each_s * inputs.assumed.memory_mb / 1024
    return (inputs.prices.invocations_per_million + 1e6 * gb_seconds * inputs.prices.gb_second) / events


def _fixed(inputs: Inputs, database: Instance) -> dict[str, float]:
    hours = inputs.prices.hours_per_month
    return {
        f"Postgres: {database.name}, two of them": 2 * database.usd_per_hour * hours,
        "Redis: two nodes": inputs.prices.cache_node_hour * 2 * hours,
    }
