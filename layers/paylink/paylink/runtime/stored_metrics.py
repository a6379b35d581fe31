"""Figures read from Postgres, so that they are right across processes and restarts, and of the queues."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from paylink.core import metrics as m
from paylink.core.breaker import CLOSED, HALF_OPEN, OPEN
from paylink.core.metrics import Metric, Sample
from paylink.services.ports import Breakers
from paylink.store.database import Database
from paylink.store.discrepancies import read_open_discrepancies
from paylink.store.unit_of_work import Row, UnitOfWork

ACCOUNTS_MAX = 100
"""So many accounts are told of one by one, the oldest; the others together, as the account `OTHERS`."""

OTHERS = "(others)"

QUEUE_STATES = {
    "ApproximateNumberOfMessages": "visible",
    "ApproximateNumberOfMessagesNotVisible": "in_flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}
"""By SQS' names of them."""


class Read(NamedTuple):
    intake: Sequence[Row]
    refusals: Sequence[Row]
    balance: Sequence[Row]
    credentials: Sequence[Row]
    unfinished: Mapping[str, Row]
    unresolved: Row
    accounts: Sequence[Row]
    calls: Sequence[Row]
    discrepancies: Sequence[Row]


def read_stored(database: Database, breakers: Breakers, webhook_queue: str) -> list[Sample]:
    """
    Return what Postgres and the breakers tell. `webhook_queue` is the name of the queue that events go through.

    Raises:
        StorageUnavailable: The database cannot answer.
    """
    read = database.run(read_figures)
    states = breakers.states([account["id"] for account in read.accounts])
    return [
        *_webhooks(read),
        *_events(read, webhook_queue),
        *_transactions(read),
        *_discrepancies(read),
        *_breakers(read.accounts, states),
    ]


def queue_samples(depths: Mapping[str, Mapping[str, int] | None]) -> Iterator[Sample]:
    """Yield what queues hold, by name and by SQS' names of the states; None is for one that has not answered."""
    for queue, depth in depths.items():
        yield Sample(m.QUEUE_REACHABLE, (queue,), int(depth is not None))
        for attribute, messages in (depth or {}).items():
            yield Sample(m.QUEUE_MESSAGES, (queue, QUEUE_STATES[attribute]), messages)


def read_figures(uow: UnitOfWork) -> Read:
    """Read what Postgres has, from ledgers and from indexes of what is open: never all rows of a table that grows."""
    return Read(
        uow.all("read_intake_totals"),
        uow.all("read_refusal_totals"),
        uow.all("read_balance"),
        uow.all("read_credential_use", accounts_max=ACCOUNTS_MAX),
        {row["state"]: row for row in uow.all("count_unfinished_events")},
        uow.one("count_unresolved_transactions", counted_max=m.OPEN_COUNTED_MAX),
        uow.all("list_oldest_accounts", limit=ACCOUNTS_MAX),
        uow.all("count_unresolved_calls"),
        read_open_discrepancies(uow),
    )


Fold = Callable[[float, float], float]


def _add(known: float, value: float) -> float:
    return known + value


def _worse(known: float, value: float) -> float:
    return max(known, value, key=abs)


class _ByAccount:
    """Samples with an account among their labels; those of accounts that are not told of one by one are folded."""

    def __init__(self, accounts: Sequence[Row]) -> None:
        self._shown = {(account["provider"], account["name"]) for account in accounts}
        self._values: dict[tuple[Metric, tuple[str, ...]], float] = {}

    def add(self, metric: Metric, row: Row, *more: str, value: float, fold: Fold = _add) -> None:
        """Add a row's value. `more` are the labels after its account's, which is `-` where there is none."""
        name = row["account"]
        known = name == "-" or (row["provider"], name) in self._shown
        key = metric, (row["provider"], name if known else OTHERS, *more)
        self._values[key] = fold(self._values[key], value) if key in self._values else value

    def samples(self) -> Iterator[Sample]:
        for (metric, labels), value in self._values.items():
            yield Sample(metric, labels, value)


def _webhooks(read: Read) -> Iterator[Sample]:
    by_account = _ByAccount(read.accounts)
    for row in read.intake:
        for kind in ("new", "redelivered"):
            by_account.add(m.WEBHOOKS_RECEIVED, row, kind, value=row[kind])
    for row in read.refusals:
        by_account.add(m.WEBHOOKS_REFUSED, row, row["reason"], value=row["refused"])
    yield from by_account.samples()
    for row in read.credentials:
        retired = str(row["retired"]).lower()
        labels = (row["provider"], row["account"], row["field"], str(row["id"]), retired)
        yield Sample(m.WEBHOOKS_VERIFIED, labels, row["verified"])
        yield Sample(m.CREDENTIAL_LAST_USED, labels, row["last_at"])


def _events(read: Read, webhook_queue: str) -> Iterator[Sample]:
    by_account = _ByAccount(read.accounts)
    for row in read.balance:
        for outcome in ("applied", "ignored"):
            by_account.add(m.EVENTS_FINISHED, row, outcome, value=row[outcome])
        # Not their sum: what one has lost, another may have twice.
        by_account.add(m.IMBALANCE, row, value=row["imbalance"], fold=_worse)
    yield from by_account.samples()
    for state in ("in_flight", "parked", "dead"):
        row = read.unfinished.get(state, {"events": 0, "oldest_s": 0.0})
        yield Sample(m.EVENTS, (state,), row["events"])
        yield Sample(m.EVENTS_OLDEST, (state,), row["oldest_s"])
    waited_s = read.unfinished.get("in_flight", {"waited_s": None})["waited_s"]
    yield Sample(m.QUEUE_OLDEST, (webhook_queue,), waited_s or 0.0)


def _transactions(read: Read) -> Iterator[Sample]:
    yield Sample(m.TRANSACTIONS_UNRESOLVED, (), read.unresolved["transactions"])
    yield Sample(m.TRANSACTIONS_UNRESOLVED_OLDEST, (), read.unresolved["oldest_s"])
    for row in read.calls:
        yield Sample(m.CALLS_UNRESOLVED, (row["what"],), row["calls"])
        yield Sample(m.CALLS_UNRESOLVED_OLDEST, (row["what"],), row["oldest_s"])


def _discrepancies(read: Read) -> Iterator[Sample]:
    by_account = _ByAccount(read.accounts)
    for row in read.discrepancies:
        by_account.add(m.DISCREPANCIES_OPEN, row, row["kind"], row["currency"], value=row["discrepancies"])
        by_account.add(m.DISCREPANCIES_DRIFT, row, row["kind"], row["currency"], value=row["drift"])
    yield from by_account.samples()
    oldest_s = max((row["oldest_s"] for row in read.discrepancies), default=0.0)
    yield Sample(m.DISCREPANCIES_OLDEST, (), oldest_s)


def _breakers(accounts: Sequence[Row], states: Sequence[str]) -> Iterator[Sample]:
    for account, present in zip(accounts, states, strict=True):
        for state in (CLOSED, HALF_OPEN, OPEN):
            yield Sample(m.BREAKER_STATE, (account["provider"], account["name"], state), int(state == present))
