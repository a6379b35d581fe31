"""The Prometheus page: figures read from Postgres, so that they are right across processes and restarts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from paylink.core.breaker import CLOSED, HALF_OPEN, OPEN
from paylink.services.ports import Breakers
from paylink.store.database import Database
from paylink.store.discrepancies import read_open_discrepancies
from paylink.store.unit_of_work import Row, UnitOfWork

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render_metrics(database: Database, breakers: Breakers) -> str:
    """
    Return the page as Prometheus text.

    Raises:
        StorageUnavailable: The database cannot answer.
    """
    registry = CollectorRegistry()
    read = database.run(_read)
    registry.register(_Figures(read, breakers.states([account["id"] for account in read.accounts])))
    return generate_latest(registry).decode()


@dataclass(frozen=True)
class _Read:
    intake: list[Row]
    refusals: list[Row]
    balance: list[Row]
    credentials: list[Row]
    unfinished: dict[str, Row]
    unresolved: Row
    accounts: list[Row]
    calls: list[Row]
    discrepancies: list[Row]


def _read(uow: UnitOfWork) -> _Read:
    return _Read(
        uow.all("read_intake_totals"),
        uow.all("read_refusal_totals"),
        uow.all("read_balance"),
        uow.all("read_credential_use"),
        {row["state"]: row for row in uow.all("count_unfinished_events")},
        uow.one("count_unresolved_transactions"),
        uow.all("list_account_names"),
        uow.all("count_unresolved_calls"),
        read_open_discrepancies(uow),
    )


class _Figures(Collector):
    def __init__(self, read: _Read, breaker_states: Sequence[str]) -> None:
        self._read = read
        self._breaker_states = breaker_states

    def collect(self) -> Iterator[Metric]:
        yield from self._webhooks()
        yield from self._events()
        yield from self._transactions()
        yield from self._discrepancies()
        yield self._breakers()

    def _webhooks(self) -> Iterator[Metric]:
        received = CounterMetricFamily(
            "paylink_webhooks_received", "Webhooks answered with 2xx.", labels=["provider", "account", "kind"]
        )
        for row in self._read.intake:
            received.add_metric([row["provider"], row["account"], "new"], row["new"])
            received.add_metric([row["provider"], row["account"], "redelivered"], row["redelivered"])
        yield received
        refused = CounterMetricFamily(
            "paylink_webhooks_refused", "Webhooks answered with 4xx.", labels=["provider", "account", "reason"]
        )
        for row in self._read.refusals:
            refused.add_metric([row["provider"], row["account"], row["reason"]], row["refused"])
        yield refused
        of_credential = ["provider", "account", "field", "credential", "retired"]
        verified = CounterMetricFamily(
            "paylink_webhooks_verified", "Webhooks by the secret that verified them.", labels=of_credential
        )
        last = GaugeMetricFamily(
            "paylink_credential_last_used_timestamp_seconds", "When a secret last verified one.", labels=of_credential
        )
        for row in self._read.credentials:
            labels = [row["provider"], row["account"], row["field"], str(row["id"]), str(row["retired"]).lower()]
            verified.add_metric(labels, row["verified"])
            last.add_metric(labels, row["last_at"])
        yield verified
        yield last

    def _events(self) -> Iterator[Metric]:
        # No counter: an event that is opened again leaves its outcome.
        finished = GaugeMetricFamily(
            "paylink_events_finished", "Events with a good end.", labels=["provider", "account", "outcome"]
        )
        imbalance = GaugeMetricFamily(
            "paylink_accounting_imbalance",
            "Stored events that are in no state: 0, or something was lost or counted twice.",
            labels=["provider", "account"],
        )
        for row in self._read.balance:
            account = [row["provider"], row["account"]]
            finished.add_metric([*account, "applied"], row["applied"])
            finished.add_metric([*account, "ignored"], row["ignored"])
            imbalance.add_metric(account, row["imbalance"])
        yield finished
        yield imbalance
        events = GaugeMetricFamily("paylink_events", "Events without a good end, by state.", labels=["state"])
        oldest = GaugeMetricFamily("paylink_events_oldest_seconds", "Age of the oldest of them.", labels=["state"])
        for state in ("in_flight", "parked", "dead"):
            row = self._read.unfinished.get(state, {"events": 0, "oldest_s": 0.0})
            events.add_metric([state], row["events"])
            oldest.add_metric([state], row["oldest_s"])
        yield events
        yield oldest

    def _transactions(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "paylink_transactions_unresolved", "Open transactions.", value=self._read.unresolved["transactions"]
        )
        yield GaugeMetricFamily(
            "paylink_transactions_unresolved_oldest_seconds",
            "Age of the oldest open transaction.",
            value=self._read.unresolved["oldest_s"],
        )
        calls = GaugeMetricFamily(
            "paylink_calls_unresolved", "Calls of providers whose end is not known yet.", labels=["what"]
        )
        for row in self._read.calls:
            calls.add_metric([row["what"]], row["calls"])
        yield calls

    def _discrepancies(self) -> Iterator[Metric]:
        what = ["provider", "account", "kind", "currency"]
        found = GaugeMetricFamily("paylink_discrepancies_open", "Differences from a provider.", labels=what)
        drift = GaugeMetricFamily(
            "paylink_discrepancies_drift",
            "Theirs less ours of the open ones, in the currency's smallest unit.",
            labels=what,
        )
        for row in self._read.discrepancies:
            labels = [row[name] for name in what]
            found.add_metric(labels, row["discrepancies"])
            drift.add_metric(labels, row["drift"])
        yield found
        yield drift
        yield GaugeMetricFamily(
            "paylink_discrepancies_oldest_seconds",
            "Age of the oldest open one; 0 without any.",
            value=max((row["oldest_s"] for row in self._read.discrepancies), default=0.0),
        )

    def _breakers(self) -> Metric:
        states = GaugeMetricFamily(
            "paylink_breaker_state",
            "1 for the state of an account's circuit breaker: open lets no checkout pass.",
            labels=["provider", "account", "state"],
        )
        for account, present in zip(self._read.accounts, self._breaker_states, strict=True):
            for state in (CLOSED, HALF_OPEN, OPEN):
                states.add_metric([account["provider"], account["name"], state], int(state == present))
        return states
