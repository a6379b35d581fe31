"""The tables about what must be there: connections, processors, bytes, money; and how the formulas were checked."""

from collections.abc import Callable, Iterator

from bench.capacity import cost, simulation, stages
from bench.capacity.cells import by_load, ms, table
from bench.capacity.inputs import INSTANCES, LOADS, RAW_BODY_DAYS, Inputs, Load
from bench.capacity.queueing import erlang_b, wait_s
from bench.common.tables import number
from paylink.store.webhooks import LEDGER_SHARDS

GATEWAY_CPU_US = 190.0
"""Of the gateway for one webhook at its peak: docs/performance.md, "Where the time goes"."""


def postgres(inputs: Inputs) -> Iterator[str]:
    yield from _postgres_with(inputs, "one", 10, "intake on Lambda")
    yield ""
    yield from _postgres_with(inputs, "group", 100, "intake in containers, groups of 128")


def _postgres_with(inputs: Inputs, stored: str, batch: int, how: str) -> Iterator[str]:
    def found(load: Load) -> stages.Postgres:
        return stages.postgres(inputs, load, batch, stored)

    yield from by_load(
        f"Postgres, {how}",
        {
            "processors busy: intake": lambda load: number(found(load).intake_cpu),
            "processing": lambda load: number(found(load).processing_cpu),
            "checkouts": lambda load: number(found(load).checkout_cpu),
            f"**processors, busy to {100 * inputs.assumed.utilisation:.0f} %**": lambda load: (
                f"**{found(load).processors}**"
            ),
            "commits a second": lambda load: number(found(load).commits_per_s),
            "WAL, MB a second": lambda load: number(found(load).wal_mb_per_s),
        },
    )


def summary(inputs: Inputs) -> Iterator[str]:
    large = LOADS[-1]
    database = stages.instance(inputs, large)
    taken, tens, hundreds = (
        stages.intake(inputs, large),
        stages.processing(inputs, large, 10),
        stages.processing(inputs, large, 100),
    )
    kept = stages.storage(inputs, 1e9, large.mean_per_s)
    ledger = stages.ledger_busy(inputs, large)
    million = cost.on_lambda(inputs, 1, database).million
    contained = cost.in_containers(inputs, 10, database, large, GATEWAY_CPU_US, 10).million
    yield (
        f"- {large.peak_per_s:,} webhooks a second take {taken.reserved:,} reserved places for `receive_webhook`, of "
        f"which {number(taken.offered)} are busy on average: {ms(taken.service_s)} each."
    )
    yield (
        f"- `process_webhook` keeps up with them at {tens.concurrency} places with batches of ten, or "
        f"{hundreds.concurrency} with batches of a hundred. Four end at "
        f"{number(stages.processing(inputs, Load(1, 1), 10, 4).events_per_s_max)} events a second; the rest waits in "
        "the queue."
    )
    yield (
        f"- All functions together hold {stages.connections(inputs, large).held:,} connections at most, and twice that "
        f"while a new version comes: {database.name} allows {database.connections(inputs.limits):,}, without a proxy."
    )
    yield (
        f"- Postgres is busy with {number(_busy(inputs, large))} processors then: {database.name} has "
        f"{database.processors}. With intake in long-lived processes and sets of a hundred it is "
        f"{number(_busy(inputs, large, 'group', 100))}."
    )
    yield (
        f"- The first bound of the code: one account's {LEDGER_SHARDS} ledger rows, at "
        f"{number(large.peak_per_s / ledger)} webhooks a second of that account alone."
    )
    yield (
        f"- A billion events are {number(kept.narrow_gb)} GB for ever, and {number(_body(inputs))} GB of "
        f"bodies while they are kept. Their unique index, {number(kept.unique_index_gb)} GB, is what outgrows memory "
        "first."
    )
    yield (
        f"- A million webhooks cost some {million:.2f} USD beside the servers, more than half of it API Gateway's; "
        f"with intake in containers {contained:.2f}."
    )


def _busy(inputs: Inputs, load: Load, stored: str = "one", batch: int = 10) -> float:
    found = stages.postgres(inputs, load, batch, stored)
    return found.intake_cpu + found.processing_cpu + found.checkout_cpu


def _body(inputs: Inputs) -> float:
    """Return the bytes of a body's row and its place in the index."""
    return sum(inputs.measured.bytes_per_event["webhook_bodies"].values())


def connections(inputs: Inputs) -> Iterator[str]:
    def found(load: Load) -> stages.Connections:
        return stages.connections(inputs, load)

    def places(name: str) -> Callable[[Load], str]:
        return lambda load: f"{found(load).places[name]:,}"

    memory_mb = inputs.measured.backend_memory_mb
    yield from by_load(
        "places, each with one connection",
        {
            **{_place_label(name): places(name) for name in found(LOADS[0]).places},
            "reserved in all": lambda load: f"{found(load).reserved:,}",
            f"connections that these hold: of `reconcile_batch` {stages.RECONCILE_CONNECTIONS} each": lambda load: (
                f"{found(load).held:,}"
            ),
            f"**to allow: twice that, and {stages.PEOPLE}**": lambda load: f"**{found(load).to_allow:,}**",
            "their memory": lambda load: f"{found(load).to_allow * memory_mb / 1e3:.1f} GB",
            "smallest instance that has them, and the processors": lambda load: _instance_cell(inputs, load),
        },
    )
    ours, smallest, limits = stages.default_connections(), INSTANCES[0], inputs.limits
    yield ""
    yield (
        f"The defaults of `template.yaml` are {' + '.join(map(str, ours.places.values()))} = {ours.reserved} places, "
        f"which hold {ours.held} connections; to allow are {ours.to_allow}, and {smallest.name} has "
        f"{smallest.connections(limits)}. With {limits.unreserved_concurrency} that stay unreserved they need a quota "
        f"of {ours.reserved + limits.unreserved_concurrency}, and take "
        f"{stages.DEFAULTS['receive_webhook'] * limits.requests_per_concurrency} webhooks a second."
    )


def _place_label(name: str) -> str:
    parameter = stages.PARAMETERS.get(name)
    return f"`{name}`: `{parameter}`" if parameter else name


def _instance_cell(inputs: Inputs, load: Load) -> str:
    found = stages.instance(inputs, load)
    return f"{found.name}: {found.processors} processors, {found.memory_gib} GiB, {found.connections(inputs.limits):,}"


def storage(inputs: Inputs) -> Iterator[str]:
    measured = inputs.measured
    yield from table(
        ("bytes for each", "rows", "indexes", "both"),
        (
            [f"`{name}`", number(sizes["rows"]), number(sizes["indexes"]), number(sum(sizes.values()))]
            for name, sizes in [*measured.bytes_per_event.items(), *measured.bytes_per_transaction.items()]
        ),
    )
    yield ""
    billion = 1e9

    def found(load: Load) -> stages.Storage:
        return stages.storage(inputs, billion, load.mean_per_s)

    yield from by_load(
        "a billion events, peak at",
        {
            "mean rate": lambda load: f"{number(load.mean_per_s)} /s",
            "reached after": lambda load: f"{number(billion / load.mean_per_s / 86_400 / 365.25)} years",
            "events with their indexes": lambda load: f"{number(found(load).narrow_gb)} GB",
            "of it the unique index of `webhook_events`": lambda load: f"{number(found(load).unique_index_gb)} GB",
            "webhooks that read a page of it from storage": lambda load: (
                f"{100 * stages.read_share(inputs, load, billion):.0f} %"
            ),
            f"bodies, {RAW_BODY_DAYS} days of them": lambda load: f"{number(found(load).bodies_gb)} GB",
            "transactions, one for two events": lambda load: f"{number(found(load).transactions_gb)} GB",
        },
    )


def costs(inputs: Inputs) -> Iterator[str]:
    prices = inputs.prices
    yield f"Prices of us-east-1 as remembered, {prices.as_of}; they are inputs in `bench/capacity/inputs.py`."
    yield ""
    load = LOADS[1]
    lone, tens = (cost.on_lambda(inputs, batch, stages.instance(inputs, load)).per_million for batch in (1, 10))
    grouped = cost.in_containers(inputs, 100, stages.instance(inputs, load), load, GATEWAY_CPU_US, 30).per_million
    yield from table(
        ("USD for a million webhooks", "Lambda, one by one", "Lambda, tens", "containers, hundreds"),
        [
            *([name, *(f"{found.get(name, 0):.2f}" for found in (lone, tens, grouped))] for name in lone),
            ["**sum**", *(f"**{sum(found.values()):.2f}**" for found in (lone, tens, grouped))],
        ],
    )
    yield ""

    def on_lambda(load: Load) -> cost.Cost:
        return cost.on_lambda(inputs, 1, stages.instance(inputs, load))

    def in_containers(load: Load) -> cost.Cost:
        return cost.in_containers(inputs, 10, stages.instance(inputs, load), load, GATEWAY_CPU_US, 10)

    yield from by_load(
        "USD, peak at",
        {
            "webhooks in a month": lambda load: f"{load.per_month / 1e6:,.1f} million",
            "fixed in a month, intake on Lambda": lambda load: f"{on_lambda(load).month:,.0f}",
            "fixed in a month, intake in containers": lambda load: f"{in_containers(load).month:,.0f}",
            "a month, intake on Lambda": lambda load: _month(on_lambda(load), load),
            "a month, intake in containers": lambda load: _month(in_containers(load), load),
            "a million, all in, intake on Lambda": lambda load: f"{on_lambda(load).whole_per_million(load):,.2f}",
        },
    )


def _month(costs: cost.Cost, load: Load) -> str:
    return f"{costs.month + costs.million * load.per_month / 1e6:,.0f}"


def checked(inputs: Inputs) -> Iterator[str]:
    yield from table(
        ("", "closed form", "simulated"),
        (
            [name, form, found]
            for name, form, found in (
                _refusals(8, 0.75),
                _refusals(60, 0.9),
                _waiting(4, 0.7),
                _waiting(30, 0.8),
            )
        ),
    )


_COUNT = 100_000


def _refusals(servers: int, load: float) -> tuple[str, str, str]:
    offered = servers * load
    found = simulation.refused(servers, offered, simulation.exponential(1.0), count=_COUNT)
    return f"refused, {servers} places, {offered:g} erlang", f"{erlang_b(servers, offered):.4f}", f"{found:.4f}"


def _waiting(servers: int, load: float) -> tuple[str, str, str]:
    rate = servers * load
    waited = simulation.waits(servers, rate, simulation.exponential(1.0), count=_COUNT)
    found = [f"{simulation.percentile(waited, share):.2f}" for share in (0.9, 0.99)]
    form = [f"{wait_s(servers, rate, 1.0, share):.2f}" for share in (0.9, 0.99)]
    return f"waits, p90 and p99 in services, {servers} places, {rate:g} erlang", ", ".join(form), ", ".join(found)
