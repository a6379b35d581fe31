"""The tables about work: what was measured, and what intake, processing and bursts need for it."""

from collections.abc import Iterator

from bench.capacity import simulation, stages
from bench.capacity.cells import by_load, ms, table
from bench.capacity.inputs import LOADS, Inputs, Load
from bench.capacity.queueing import drain_s
from bench.common.tables import number
from paylink.store.webhooks import LEDGER_SHARDS

BURST_S = 60
VISIBILITY_S, TIMEOUT_S = 360, 60
"""Of the queue's messages, and of process_webhook."""


def measured(inputs: Inputs) -> Iterator[str]:
    of = inputs.measured
    yield f"{of.events:,} webhooks of {of.body_bytes:,} bytes, {of.machine['measured']}, on:"
    yield ""
    named = ("cpu", "system", "python", "postgres", "commit", "load before")
    yield from (f"- {name}: {of.machine[name]}" for name in named)
    yield ""
    yield from table(
        ("one invocation, warm", "processor", "wall", "database round trips", "SQS calls", "log"),
        (
            [
                _function_cell(name),
                f"{number(calls.cpu_us)} us",
                f"{number(calls.wall_us)} us",
                number(calls.database_round_trips),
                number(calls.queue_calls),
                f"{number(calls.log_bytes)} bytes",
            ]
            for name, calls in of.functions.items()
        ),
    )
    yield ""
    yield from table(
        ("Postgres, for one event", "processor", "WAL"),
        (
            [TRANSACTIONS[name], f"{number(us)} us", f"{number(of.wal_bytes[name])} bytes"]
            for name, us in of.postgres_cpu_us.items()
        ),
    )
    yield ""
    yield f"One idle connection of a function: {number(of.backend_memory_mb)} MB of the server's memory."


def _function_cell(name: str) -> str:
    function, _, events = name.partition(", ")
    return f"`{function}`" + (f", events: {events}" if events else "")


TRANSACTIONS = {
    "one": "stored alone, as on Lambda",
    "one, planned anew": "stored alone, without a prepared statement",
    "ten": "stored in tens",
    "group": "stored in groups of 128",
    "one applied": "applied alone",
    "ten applied": "applied in tens",
    "hundred applied": "applied in hundreds",
}


def intake(inputs: Inputs) -> Iterator[str]:
    def found(load: Load) -> stages.Intake:
        return stages.intake(inputs, load)

    yield from by_load(
        "`receive_webhook`",
        {
            "one takes": lambda load: ms(found(load).service_s),
            "busy on average (Little's law)": lambda load: number(found(load).offered),
            f"places, so that {inputs.assumed.refused:.0e} find none (Erlang B)": lambda load: (
                f"{found(load).by_blocking:,}"
            ),
            "places, so that Lambda takes so many requests": lambda load: f"{found(load).by_request_limit:,}",
            "**reserved concurrency**": lambda load: f"**{found(load).reserved:,}**",
            f"locked, each of the {LEDGER_SHARDS} ledger rows of one account that all are for": lambda load: (
                f"{100 * stages.ledger_busy(inputs, load):,.0f} % of the time"
            ),
        },
    )


def processing(inputs: Inputs) -> Iterator[str]:
    for batch in (10, 100):
        yield from _processing_with(inputs, batch)
        yield ""
    today = stages.processing(inputs, Load(1, 1), 10, 4)
    yield f"Four at once, batches of ten: {number(today.events_per_s_max)} events a second at most."


def _processing_with(inputs: Inputs, batch: int) -> Iterator[str]:
    def found(load: Load) -> stages.Processing:
        return stages.processing(inputs, load, batch)

    def simulated(load: Load) -> str:
        plan = found(load)
        service = simulation.fixed(plan.service_s)
        waited = simulation.waits(plan.concurrency, plan.batches_per_s, service, count=40_000)
        return f"{ms(simulation.percentile(waited, 0.5))}, {ms(simulation.percentile(waited, 0.99))}"

    def in_flight(load: Load) -> str:
        plan = found(load)
        # A message for each event. Those in work, and all that a hanging worker's visibility time-out still hides.
        stuck = plan.concurrency * batch * (VISIBILITY_S / TIMEOUT_S)
        return f"{plan.batches_per_s * plan.service_s * batch:,.0f}; {stuck:,.0f}"

    yield from by_load(
        f"`process_webhook`, batches of {batch}",
        {
            "one takes": lambda load: ms(found(load).service_s),
            "batches a second": lambda load: number(found(load).batches_per_s),
            "**maximum concurrency**": lambda load: f"**{found(load).concurrency:,}**",
            "busy": lambda load: f"{100 * found(load).utilisation:.0f} %",
            "a batch waits, p50, p99 (Erlang C)": lambda load: (
                f"{ms(found(load).wait_p50_s)}, {ms(found(load).wait_p99_s)}"
            ),
            "the same, simulated with equal services": simulated,
            "events a second at most": lambda load: number(found(load).events_per_s_max),
            "messages in flight; when every invocation hangs": in_flight,
        },
    )


VISIBILITY_S, TIMEOUT_S = 360, 60


def burst(inputs: Inputs) -> Iterator[str]:
    yield from table(
        ("a minute of", "batches of", "at once", "events a second", "left at its end", "gone after"),
        _bursts(inputs),
    )


def _bursts(inputs: Inputs) -> Iterator[list[str]]:
    for load in LOADS[1:]:
        for batch, concurrency in ((10, 4), (10, 20), (100, 20)):
            capacity = stages.processing(inputs, Load(1, 1), batch, concurrency).events_per_s_max
            left = max(0.0, (load.peak_per_s - capacity) * BURST_S)
            gone = f"{drain_s(left, load.mean_per_s, capacity):,.0f} s"
            cells = (f"{load.peak_per_s:,} /s", str(batch), str(concurrency), number(capacity), f"{left:,.0f}", gone)
            yield list(cells)
