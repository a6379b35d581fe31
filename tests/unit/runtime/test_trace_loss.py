"""What goes wrong with spans is told as lost spans: it never reaches the work that they tell of."""

import logging
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from paylink.core.tracing import INTERNAL, Ids, Span, new_span_id, new_trace_id
from paylink.runtime.process_metrics import use_metrics
from paylink.runtime.trace_export import CLOSE_S, TOGETHER_MAX, WAITING_MAX, SpanExporter
from paylink.runtime.trace_settings import TraceSettings
from support.collector import Collector

NOWHERE = "http://127.0.0.1:1"


class Exporters:
    """Makes exporters that end with the test; `dropped` are the spans that they tell of as lost."""

    def __init__(self) -> None:
        self.made: list[SpanExporter] = []
        self.dropped: Counter[str] = Counter()

    def to(self, address: str, gather_s: float = 0.02, **options: Any) -> SpanExporter:
        settings = TraceSettings.from_environ({"OTEL_EXPORTER_OTLP_ENDPOINT": address})
        assert settings is not None
        given = {"dropped": self.count, "retries_s": (0.05, 0.05)} | options
        self.made.append(SpanExporter(settings, gather_s=gather_s, **given))
        return self.made[-1]

    def count(self, why: str, spans: int) -> None:
        self.dropped[why] += spans


@pytest.fixture
def exporters() -> Iterator[Exporters]:
    made = Exporters()
    yield made
    for exporter in made.made:
        exporter._closing.set()


def make(exporter: SpanExporter, spans: int = 1, **attributes: Any) -> None:
    for number in range(spans):
        Span(Ids(new_trace_id(), new_span_id()), exporter.record, f"span {number}", INTERNAL, attributes, None).end()


def await_true(condition: Any, within_s: float = 5) -> None:
    stop_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < stop_at
        time.sleep(0.01)


@pytest.mark.parametrize(("said", "lost"), [(0, 0), (3, 3), (7, 7), (8, 7), (2**62, 7), (-1, 0)])
def test_what_a_collector_takes_and_does_not_keep_is_lost(
    exporters: Exporters, collector: Collector, caplog: pytest.LogCaptureFixture, said: int, lost: int
):
    """It is counted and told, never sent again, and never more than there were."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = said
    answer.partial_success.error_message = "told-by-the-collector"
    collector.answer = answer.SerializeToString()
    exporter = exporters.to(collector.address)
    with caplog.at_level(logging.WARNING, "paylink"):
        make(exporter, 7)
        exporter.flush(5)
    assert len(collector.requests) == 1
    assert exporters.dropped == ({"not_taken": lost} if lost else {})
    lines = [(vars(r)["spans"], vars(r)["error"]) for r in caplog.records if r.getMessage() == "spans are dropped"]
    assert lines == ([(lost, "rejected")] if lost else [])
    # What others write is not in our log.
    assert "told-by-the-collector" not in repr([vars(r) for r in caplog.records])


def test_a_collector_that_is_busy_is_given_the_time_that_it_asks_for(exporters: Exporters, collector: Collector):
    collector.status, collector.headers = 429, {"Retry-After": "1"}
    exporter = exporters.to(collector.address)
    make(exporter)
    collector.await_spans(lambda c: len(c.requests) == 1)
    began_s = time.monotonic()
    collector.status = 200
    collector.await_spans(lambda c: len(c.spans) == 1)
    assert time.monotonic() - began_s > 0.7
    assert not exporters.dropped


def test_the_end_does_not_wait_for_a_busy_collector(exporters: Exporters, collector: Collector):
    collector.status, collector.headers = 503, {"Retry-After": "30"}
    exporter = exporters.to(collector.address)
    make(exporter, 4)
    collector.await_spans(lambda c: len(c.requests) == 1)
    began_s = time.monotonic()
    exporter.close()
    assert time.monotonic() - began_s < CLOSE_S
    assert exporters.dropped == {"not_taken": 4}


def test_the_end_waits_shortly_for_a_deaf_one_and_counts_what_is_lost(exporters: Exporters, deaf: str):
    exporter = exporters.to(deaf)
    make(exporter, 5)
    await_true(lambda: exporter._sending == 5)
    make(exporter, 3)
    began_s = time.monotonic()
    exporter.close()
    assert time.monotonic() - began_s < CLOSE_S + 0.5
    assert exporters.dropped == {"not_taken": 8}


def test_what_is_recorded_just_before_the_end_is_sent(exporters: Exporters, collector: Collector):
    """Also when its thread has only just begun, or has just sent what was there."""
    made = 0
    for number in range(60):
        exporter = exporters.to(collector.address, gather_s=60 if number % 2 else 0)
        make(exporter, 1)
        if number % 3:
            time.sleep(0.0005 * (number % 5))
            make(exporter, 1)
        made += 1 + bool(number % 3)
        exporter.close()
    assert len(collector.spans) == made
    assert not exporters.dropped


PROCESS = """
import sys
from paylink.core.tracing import INTERNAL
from paylink.runtime.traces import process_tracer
tracer = process_tracer()
for _ in range(600):
    tracer.begin("root", {}, INTERNAL).end()
print("worked", flush=True)
"""


@pytest.mark.parametrize("kind", ["deaf", "refusing"])
def test_a_process_ends_in_time_whatever_its_collector_does(deaf: str, kind: str):
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": deaf if kind == "deaf" else NOWHERE, "PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", PROCESS], env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "worked\n"
        began_s = time.monotonic()
        assert process.wait(10) == 0
    assert time.monotonic() - began_s < CLOSE_S + 1.5


def refuse(why: str, spans: int) -> None:
    raise OSError("no room for figures")


def test_a_figure_that_cannot_be_counted_fails_nothing(exporters: Exporters, deaf: str, collector: Collector):
    """Neither who ends a span while there is no room, nor the thread that sends, nor who waits for it."""
    full = exporters.to(deaf, dropped=refuse)
    make(full, 2 * WAITING_MAX)
    full.flush(0.05)
    full.close()
    collector.status = 400
    exporter = exporters.to(collector.address, dropped=refuse)
    make(exporter, 3)
    exporter.flush(5)
    collector.status = 200
    make(exporter)
    collector.await_spans(lambda c: len(c.spans) == 1)


def test_a_thread_that_cannot_be_started_fails_nothing_and_is_tried_again(
    exporters: Exporters, collector: Collector, monkeypatch: pytest.MonkeyPatch
):
    """A machine has only so many; the payment whose span ends just then is made already."""

    def refuse_to_start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    exporter = exporters.to(collector.address)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse_to_start)
        make(exporter, 3)
        began_s = time.monotonic()
        exporter.flush(5)
        assert time.monotonic() - began_s < 1
    make(exporter)
    collector.await_spans(lambda c: len(c.spans) == 4)
    exporter.close()
    assert not exporters.dropped


def test_a_span_that_cannot_be_written_takes_no_others_with_it(
    exporters: Exporters, collector: Collector, caplog: pytest.LogCaptureFixture
):
    exporter = exporters.to(collector.address, gather_s=0.1)
    with caplog.at_level(logging.WARNING, "paylink"):
        make(exporter, 2)
        make(exporter, 1, wrong=object())
        make(exporter, 2)
        exporter.flush(5)
    assert len(collector.spans) == 4
    assert exporters.dropped == {"not_taken": 1}
    assert "spans are dropped" in caplog.text


def test_under_a_steady_stream_spans_are_still_sent_together(exporters: Exporters, collector: Collector):
    """Each request costs; so what comes while others are sent waits for more of its kind."""
    collector.delay_s = 0.02
    exporter = exporters.to(collector.address, gather_s=0.25)
    stop_at = time.monotonic() + 1
    made = 0
    while time.monotonic() < stop_at:
        make(exporter)
        made += 1
        time.sleep(0.001)
    exporter.flush(5)
    assert len(collector.spans) == made
    assert len(collector.requests) <= 6


def test_many_at_once_do_not_wait_for_more_whoever_brings_them(exporters: Exporters, collector: Collector):
    """Several threads may go past the number at the same time."""
    exporter = exporters.to(collector.address, gather_s=60)
    ready = threading.Barrier(8)

    def work() -> None:
        ready.wait()
        make(exporter, TOGETHER_MAX // 4)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    collector.await_spans(lambda c: len(c.spans) >= TOGETHER_MAX, 5)


def test_an_hour_without_a_collector_costs_no_memory_and_each_loss_is_counted(exporters: Exporters):
    exporter = exporters.to(NOWHERE, gather_s=0.001, retries_s=())
    made = 0
    for _ in range(40):
        make(exporter, WAITING_MAX)
        made += WAITING_MAX
        assert len(exporter._waiting) <= WAITING_MAX
    exporter.close()
    await_true(lambda: sum(exporters.dropped.values()) >= made)
    assert sum(exporters.dropped.values()) == made
    assert set(exporters.dropped) <= {"queue_full", "not_taken"}


def test_on_lambda_a_figure_that_cannot_be_counted_fails_no_invocation(
    exporters: Exporters, monkeypatch: pytest.MonkeyPatch
):
    class Full:
        def count(self, *given: object) -> None:
            raise OSError("no room")

    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    settings = TraceSettings.from_environ({"OTEL_EXPORTER_OTLP_ENDPOINT": NOWHERE})
    assert settings is not None
    exporter = SpanExporter(settings, gather_s=0.01, retries_s=())
    exporters.made.append(exporter)
    use_metrics(Full())  # type: ignore[arg-type]  # it counts nothing
    try:
        make(exporter, 2)
        await_true(lambda: bool(exporter._drops))
        exporter.flush(0.1)
    finally:
        use_metrics(None)
    assert exporter._drops == {}
