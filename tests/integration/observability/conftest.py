"""A stack that counts, as in a process of the gateway, and one that traces."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paylink.runtime.kept_metrics import KeptMetrics
from paylink.runtime.process_metrics import use_metrics
from paylink.runtime.trace_export import SpanExporter
from paylink.runtime.trace_settings import TraceSettings
from paylink.runtime.tracer import Tracer
from paylink.runtime.traces import use_tracer
from support.collector import Collector, collecting


@pytest.fixture
def metrics_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where what this process counts is kept."""
    folder = tmp_path / "metrics"
    folder.mkdir()
    monkeypatch.setenv("PAYLINK_METRICS_DIR", str(folder))
    metrics = KeptMetrics(folder, "test")
    use_metrics(metrics)
    yield folder
    use_metrics(None)
    metrics.close()


@pytest.fixture
def database_url(metrics_folder: Path, database_url: str) -> str:
    """The test's database; by then it is clear where is counted."""
    return database_url


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def trace(collector: Collector) -> Iterator[Callable[..., SpanExporter]]:
    """Have this process trace, with settings in their own names; all requests unless these say otherwise."""
    exporters: list[SpanExporter] = []

    def begin(**environ: str) -> SpanExporter:
        settings = TraceSettings.from_environ({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address} | environ)
        assert settings is not None
        exporter = SpanExporter(settings, gather_s=0.02, retries_s=(0.05,))
        exporters.append(exporter)
        use_tracer(Tracer(settings.ratio, exporter))
        return exporter

    yield begin
    use_tracer(None)
    for exporter in exporters:
        exporter.close()
