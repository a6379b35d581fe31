"""Collectors of traces, and a process that traces."""

import socket
from collections.abc import Iterator

import pytest

from paylink.runtime.trace_export import SpanExporter
from paylink.runtime.trace_settings import TraceSettings
from paylink.runtime.tracer import Tracer
from paylink.runtime.traces import process_tracer, use_tracer
from support.collector import Collector, collecting


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of one that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def exporter(collector: Collector) -> Iterator[SpanExporter]:
    """How this process sends its spans to the collector; all requests are traced."""
    settings = TraceSettings.from_environ({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address})
    assert settings is not None
    made = SpanExporter(settings, gather_s=0.01)
    use_tracer(Tracer(1.0, made))
    yield made
    use_tracer(None)
    made.close()


@pytest.fixture
def tracer(exporter: SpanExporter) -> Tracer:
    tracer = process_tracer()
    assert tracer is not None
    return tracer
