"""
Every figure that PayLink tells of itself: one list, from which Prometheus' page and CloudWatch's lines are made.

Those in `OF_PROCESSES` only the process knows that does the work; it counts them through the port `Metrics`. All others
are read from Postgres, or from the queues, when somebody asks. A label has a bounded number of values, whatever
strangers send.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, eq=False)
class Metric:
    """
    One figure. `name` is Prometheus', without the `_total` of a counter; `bounds` are a histogram's upper bounds.

    `help` says what is counted, in the unit that ends the name: seconds, or none for what is counted by ones.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def unit(self) -> str:
        return "seconds" if self.name.endswith("_seconds") else ""


def told_name(metric: Metric) -> str:
    """Return a figure's name where it is told: a counter's ends in `_total`."""
    return metric.name + "_total" if metric.kind == "counter" else metric.name


class Sample(NamedTuple):
    """What a counter or gauge is for one set of labels, in their order."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


class Metrics(Protocol):
    """What a process counts. Safe to share between threads; none of it ever raises."""

    def count(self, metric: Metric, *labels: str) -> None:
        """Add one to a counter."""

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Add a value to a histogram."""


class Unobserved:
    """Keeps nothing: for commands and tests, which nobody asks."""

    def count(self, metric: Metric, *labels: str) -> None:
        pass

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        pass


_WORK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WAIT_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

OK, REFUSED, FAILED = "ok", "refused", "failed"
"""Outcomes of a function: it did its work, it said no for the caller's sake (4xx), or something of ours is broken."""

FUNCTION_DURATION = Metric(
    "paylink_function_duration_seconds",
    "histogram",
    "How long functions took, by outcome: of requests the whole of it, of messages a batch, of schedules a run.",
    ("function", "outcome"),
    _WORK_S,
)
PROBLEMS = Metric(
    "paylink_problems", "counter", "Requests answered with a problem, by its type.", ("function", "problem")
)
REPLAYS = Metric(
    "paylink_idempotent_replays",
    "counter",
    "Requests answered with what their Idempotency-Key stood for.",
    ("function",),
)
EVENT_WAIT = Metric(
    "paylink_event_wait_seconds",
    "histogram",
    "How long events waited in the queue: from when they could be worked at to when a worker took them.",
    ("provider",),
    _WAIT_S,
)
EVENT_PROCESSING = Metric(
    "paylink_event_processing_seconds",
    "histogram",
    "How long it took to give a set of events, or one event alone, its outcome.",
    ("way",),
    _WORK_S,
)
PROVIDER_CALL = Metric(
    "paylink_provider_call_duration_seconds",
    "histogram",
    "How long calls of providers took, by operation and by what came of them: ok, or the kind of error.",
    ("provider", "operation", "result"),
    _WORK_S,
)
SPANS_DROPPED = Metric(
    "paylink_trace_spans_dropped",
    "counter",
    "Spans of traces that are lost: the queue was full, or the collector did not take them.",
    ("reason",),
)
OF_PROCESSES = (FUNCTION_DURATION, PROBLEMS, REPLAYS, EVENT_WAIT, EVENT_PROCESSING, PROVIDER_CALL, SPANS_DROPPED)

WEBHOOKS_RECEIVED = Metric(
    "paylink_webhooks_received", "counter", "Webhooks answered with 2xx.", ("provider", "account", "kind")
)
WEBHOOKS_REFUSED = Metric(
    "paylink_webhooks_refused", "counter", "Webhooks answered with 4xx.", ("provider", "account", "reason")
)
_OF_CREDENTIAL = ("provider", "account", "field", "credential", "retired")
WEBHOOKS_VERIFIED = Metric(
    "paylink_webhooks_verified", "counter", "Webhooks by the secret that verified them.", _OF_CREDENTIAL
)
CREDENTIAL_LAST_USED = Metric(
    "paylink_credential_last_used_timestamp_seconds", "gauge", "When a secret last verified one.", _OF_CREDENTIAL
)
# No counter: an event that is opened again leaves its outcome.
EVENTS_FINISHED = Metric(
    "paylink_events_finished", "gauge", "Events with a good end.", ("provider", "account", "outcome")
)
IMBALANCE = Metric(
    "paylink_accounting_imbalance",
    "gauge",
    "Stored events that are in no state: 0, or something was lost or counted twice.",
    ("provider", "account"),
)
EVENTS = Metric("paylink_events", "gauge", "Events without a good end, by state.", ("state",))
EVENTS_OLDEST = Metric("paylink_events_oldest_seconds", "gauge", "Age of the oldest of them.", ("state",))
OPEN_COUNTED_MAX = 50_000
TRANSACTIONS_UNRESOLVED = Metric(
    "paylink_transactions_unresolved", "gauge", f"Open transactions, counted up to {OPEN_COUNTED_MAX:,}."
)
TRANSACTIONS_UNRESOLVED_OLDEST = Metric(
    "paylink_transactions_unresolved_oldest_seconds", "gauge", "Age of the oldest open transaction."
)
CALLS_UNRESOLVED = Metric(
    "paylink_calls_unresolved", "gauge", "Calls of providers whose end is not known yet.", ("what",)
)
CALLS_UNRESOLVED_OLDEST = Metric("paylink_calls_unresolved_oldest_seconds", "gauge", "Age of the oldest.", ("what",))
_OF_DISCREPANCY = ("provider", "account", "kind", "currency")
DISCREPANCIES_OPEN = Metric("paylink_discrepancies_open", "gauge", "Differences from a provider.", _OF_DISCREPANCY)
DISCREPANCIES_DRIFT = Metric(
    "paylink_discrepancies_drift",
    "gauge",
    "Theirs less ours of the open ones, in the currency's smallest unit.",
    _OF_DISCREPANCY,
)
DISCREPANCIES_OLDEST = Metric(
    "paylink_discrepancies_oldest_seconds", "gauge", "Age of the oldest open one; 0 without any."
)
BREAKER_STATE = Metric(
    "paylink_breaker_state",
    "gauge",
    "1 for the state of an account's circuit breaker: open lets no checkout pass.",
    ("provider", "account", "state"),
)
QUEUE_MESSAGES = Metric(
    "paylink_queue_messages",
    "gauge",
    "About how many messages a queue holds: visible to workers, in flight with one, or delayed.",
    ("queue", "state"),
)
QUEUE_REACHABLE = Metric(
    "paylink_queue_reachable", "gauge", "1 when the queue has told how many messages it holds, else 0.", ("queue",)
)
QUEUE_OLDEST = Metric(
    "paylink_queue_oldest_seconds",
    "gauge",
    "How long the event has waited that waits longest for a worker; 0 when none waits.",
    ("queue",),
)
BUILD_INFO = Metric(
    "paylink_build_info",
    "gauge",
    "1, with what is running: PayLink, Python, and the native library that checks signatures.",
    ("version", "python", "crypto_library", "crypto_backend", "libcrypto"),
)
STORED = (
    WEBHOOKS_RECEIVED,
    WEBHOOKS_REFUSED,
    WEBHOOKS_VERIFIED,
    CREDENTIAL_LAST_USED,
    EVENTS_FINISHED,
    IMBALANCE,
    EVENTS,
    EVENTS_OLDEST,
    TRANSACTIONS_UNRESOLVED,
    TRANSACTIONS_UNRESOLVED_OLDEST,
    CALLS_UNRESOLVED,
    CALLS_UNRESOLVED_OLDEST,
    DISCREPANCIES_OPEN,
    DISCREPANCIES_DRIFT,
    DISCREPANCIES_OLDEST,
    BREAKER_STATE,
    QUEUE_MESSAGES,
    QUEUE_REACHABLE,
    QUEUE_OLDEST,
    BUILD_INFO,
)
METRICS = (*OF_PROCESSES, *STORED)
