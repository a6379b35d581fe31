"""The Prometheus page: figures read from Postgres, so that they are right across processes and restarts."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from paylink.store.database import Database
from paylink.store.unit_of_work import Row, UnitOfWork

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render_metrics(database: Database) -> str:
    """
    Return the page as Prometheus text.

    Raises:
        StorageUnavailable: The database cannot answer.
    """
    registry = CollectorRegistry()
    registry.register(_Figures(*database.run(_read)))
    return generate_latest(registry).decode()


def _read(uow: UnitOfWork) -> tuple[list[Row], list[Row], Row]:
    return (
        uow.all("read_intake_totals"),
        uow.all("count_unfinished_events"),
        uow.one("count_unresolved_transactions"),
    )


class _Figures(Collector):
    def __init__(self, intake: list[Row], unfinished: list[Row], unresolved: Row) -> None:
        self._intake = intake
        self._unfinished = {row["state"]: row for row in unfinished}
        self._unresolved = unresolved

    def collect(self) -> Iterator[Metric]:
        received = CounterMetricFamily(
            "paylink_webhooks_received", "Webhooks answered with 2xx.", labels=["provider", "account", "kind"]
        )
        for row in self._intake:
            received.add_metric([row["provider"], row["account"], "new"], row["new"])
            received.add_metric([row["provider"], row["account"], "redelivered"], row["redelivered"])
        yield received
        events = GaugeMetricFamily("paylink_events", "Events without a good end, by state.", labels=["state"])
        oldest = GaugeMetricFamily("paylink_events_oldest_seconds", "Age of the oldest of them.", labels=["state"])
        for state in ("in_flight", "parked", "dead"):
            row = self._unfinished.get(state, {"events": 0, "oldest_s": 0.0})
            events.add_metric([state], row["events"])
            oldest.add_metric([state], row["oldest_s"])
        yield events
        yield oldest
        yield GaugeMetricFamily(
            "paylink_transactions_unresolved", "Open transactions.", value=self._unresolved["transactions"]
        )
        yield GaugeMetricFamily(
            "paylink_transactions_unresolved_oldest_seconds",
            "Age of the oldest open transaction.",
            value=self._unresolved["oldest_s"],
        )
