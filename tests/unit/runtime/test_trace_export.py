"""Spans on their way to a collector: nobody waits for it, memory is bounded, and what is lost is counted."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from paylink.core.metrics import SPANS_DROPPED, Metric
from paylink.core.tracing import INTERNAL, Ids, Span, new_span_id, new_trace_id
from paylink.runtime.process_metrics import use_metrics
from paylink.runtime.trace_export import TOGETHER_MAX, WAITING_MAX, SpanExporter
from paylink.runtime.trace_settings import TraceSettings
from support.collector import Collector

DROPPED: Counter[str] = Counter()


@pytest.fixture
def exporters() -> Iterator[list[SpanExporter]]:
    DROPPED.clear()
    made: list[SpanExporter] = []
    yield made
    for exporter in made:
        exporter._closing.set()


def exporter_to(exporters: list[SpanExporter], address: str, gather_s: float = 0.02, **environ: str) -> SpanExporter:
    settings = TraceSettings.from_environ({"OTEL_EXPORTER_OTLP_ENDPOINT": address} | environ)
    assert settings is not None
    made = SpanExporter(settings, dropped=count, gather_s=gather_s, retries_s=(0.05, 0.05))
    exporters.append(made)
    return made


def count(why: str, spans: int) -> None:
    DROPPED[why] += spans


def make(exporter: SpanExporter, spans: int = 1) -> None:
    for number in range(spans):
        Span(Ids(new_trace_id(), new_span_id()), exporter.record, f"span {number}", INTERNAL, {}, None).end()


def test_spans_are_sent_together(exporters: list[SpanExporter], collector: Collector):
    exporter = exporter_to(exporters, collector.address, gather_s=0.2)
    make(exporter, 50)
    collector.await_spans(lambda c: len(c.spans) == 50)
    assert len(collector.requests) == 1
    assert {s.resource["telemetry.sdk.language"] for s in collector.spans} == {"python"}


def test_as_many_as_are_sent_together_do_not_wait_for_more(exporters: list[SpanExporter], collector: Collector):
    exporter = exporter_to(exporters, collector.address, gather_s=60)
    make(exporter, TOGETHER_MAX)
    collector.await_spans(lambda c: len(c.spans) == TOGETHER_MAX, 5)


def test_a_flush_waits_until_they_are_taken(exporters: list[SpanExporter], collector: Collector):
    exporter = exporter_to(exporters, collector.address, gather_s=60)
    for number in range(1, 6):
        make(exporter)
        exporter.flush(5)
        assert len(collector.spans) == number
    began_s = time.monotonic()
    exporter.flush(5)
    assert time.monotonic() - began_s < 1


def test_the_last_ones_are_sent_at_the_end(exporters: list[SpanExporter], collector: Collector):
    exporter = exporter_to(exporters, collector.address, gather_s=60)
    make(exporter, 3)
    exporter.close()
    assert len(collector.spans) == 3


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_collector_that_is_busy_is_asked_again(exporters: list[SpanExporter], collector: Collector, status: int):
    collector.at_first = [status, status]
    make(exporter_to(exporters, collector.address))
    collector.await_spans(lambda c: len(c.spans) == 1)
    assert len(collector.requests) == 3
    assert not DROPPED


@pytest.mark.parametrize("status", [301, 400, 401, 500])
def test_one_that_refuses_is_not_asked_again(exporters: list[SpanExporter], collector: Collector, status: int):
    collector.status = status
    exporter = exporter_to(exporters, collector.address, gather_s=60)
    make(exporter, 7)
    exporter.flush(5)
    exporter.close()
    assert len(collector.requests) == 1
    assert DROPPED == {"not_taken": 7}


def test_after_some_tries_they_are_dropped_and_counted(
    exporters: list[SpanExporter], collector: Collector, caplog: pytest.LogCaptureFixture
):
    collector.status = 503
    exporter = exporter_to(exporters, collector.address, gather_s=60)
    with caplog.at_level(logging.WARNING, "paylink"):
        make(exporter, 7)
        exporter.flush(5)
        collector.await_spans(lambda c: DROPPED["not_taken"] == 7)
    assert len(collector.requests) == 3
    [line] = [r for r in caplog.records if r.getMessage() == "spans are dropped"]
    assert (vars(line)["spans"], vars(line)["error"]) == (7, "503")
    collector.status = 200
    make(exporter)
    exporter.close()
    assert len(collector.spans) == 1


def test_memory_is_bounded_while_the_collector_is_deaf(exporters: list[SpanExporter], deaf: str):
    exporter = exporter_to(exporters, deaf)
    make(exporter, 3 * WAITING_MAX)
    assert len(exporter._waiting) <= WAITING_MAX
    # But for those that are being sent.
    assert 2 * WAITING_MAX - TOGETHER_MAX <= DROPPED["queue_full"] <= 2 * WAITING_MAX


@pytest.mark.parametrize("kind", ["deaf", "refusing"])
def test_no_request_waits_for_a_collector_that_is_away(exporters: list[SpanExporter], deaf: str, kind: str):
    exporter = exporter_to(exporters, deaf if kind == "deaf" else "http://127.0.0.1:1")
    slowest = 0.0
    for _ in range(500):
        began_s = time.perf_counter()
        make(exporter)
        slowest = max(slowest, time.perf_counter() - began_s)
    assert slowest < 0.5


def test_a_flush_is_short_and_the_next_ones_do_not_wait_at_all(exporters: list[SpanExporter], deaf: str):
    exporter = exporter_to(exporters, deaf)
    make(exporter)
    began_s = time.monotonic()
    exporter.flush(0.2)
    assert 0.15 < time.monotonic() - began_s < 1
    began_s = time.monotonic()
    for _ in range(20):
        make(exporter)
        exporter.flush(0.2)
    assert time.monotonic() - began_s < 1


def test_a_collector_that_is_back_is_waited_for_again(exporters: list[SpanExporter], collector: Collector):
    collector.status = 503
    exporter = exporter_to(exporters, collector.address)
    make(exporter)
    exporter.flush(5)
    assert exporter._failing
    collector.status = 200
    make(exporter)
    collector.await_spans(lambda c: bool(c.spans))
    collector.await_spans(lambda c: not exporter._failing)
    taken = len(collector.spans)
    make(exporter)
    exporter.flush(5)
    assert len(collector.spans) == taken + 1


class Counting:
    """Counts, and tells in which threads."""

    def __init__(self) -> None:
        self.counted: list[tuple[Metric, tuple[str, ...]]] = []
        self.threads: set[str] = set()

    def count(self, metric: Metric, *labels: str) -> None:
        self.counted.append((metric, labels))
        self.threads.add(threading.current_thread().name)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        raise AssertionError


@pytest.fixture
def metrics() -> Iterator[Counting]:
    counting = Counting()
    use_metrics(counting)
    yield counting
    use_metrics(None)


def own_exporter(exporters: list[SpanExporter], address: str) -> SpanExporter:
    settings = TraceSettings.from_environ({"OTEL_EXPORTER_OTLP_ENDPOINT": address})
    assert settings is not None
    made = SpanExporter(settings, gather_s=0.02, retries_s=())
    exporters.append(made)
    return made


def test_what_is_lost_is_a_figure(exporters: list[SpanExporter], metrics: Counting):
    make(own_exporter(exporters, "http://127.0.0.1:1"), 4)
    stop_at = time.monotonic() + 5
    while len(metrics.counted) < 4:
        assert time.monotonic() < stop_at
        time.sleep(0.01)
    assert metrics.counted == [(SPANS_DROPPED, ("not_taken",))] * 4


def test_on_lambda_it_is_counted_by_the_invocations_own_thread(
    exporters: list[SpanExporter], metrics: Counting, monkeypatch: pytest.MonkeyPatch
):
    """What is written per invocation is not made for several threads."""
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    exporter = own_exporter(exporters, "http://127.0.0.1:1")
    make(exporter, 4)
    for _ in range(100):
        exporter.flush(0.05)
        if metrics.counted:
            break
        time.sleep(0.02)
    assert metrics.counted == [(SPANS_DROPPED, ("not_taken",))] * 4
    assert metrics.threads == {threading.current_thread().name}


def test_many_threads_lose_nothing(exporters: list[SpanExporter], collector: Collector):
    exporter = exporter_to(exporters, collector.address, gather_s=0.001)

    def work() -> None:
        for _ in range(200):
            make(exporter)
            time.sleep(0.0005)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    exporter.flush(10)
    exporter.close()
    assert len(collector.spans) + DROPPED["queue_full"] == 1600
    assert len({s.span_id for s in collector.spans}) == len(collector.spans)
