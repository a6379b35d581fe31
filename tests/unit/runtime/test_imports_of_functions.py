"""What a cold start on Lambda may not import: it would cost more than the function's own work."""

import os
import subprocess
import sys

import pytest

from support.stack import REPOSITORY

LOADS = """
import runpy, sys
from paylink.runtime.process_metrics import process_metrics
runpy.run_path(sys.argv[1])
assert type(process_metrics()).__name__ == "EmfLines"
print(" ".join(sorted(sys.modules)))
"""


@pytest.mark.parametrize("function", ["receive_webhook", "create_checkout", "process_webhook", "get_transaction"])
def test_counting_on_lambda_needs_no_prometheus(function: str):
    app = REPOSITORY / "functions" / function / "app.py"
    environ = os.environ | {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
    loaded = subprocess.run(
        [sys.executable, "-c", LOADS, str(app)], env=environ, capture_output=True, text=True, check=True
    )
    modules = set(loaded.stdout.split())
    assert "paylink.runtime.emf" in modules
    assert not {"prometheus_client", "mmap", "paylink.runtime.exposition"} & modules


TRACING = {
    *(f"paylink.runtime.{name}" for name in ("tracer", "otlp", "trace_export", "trace_settings", "request_traces")),
    "paylink.runtime.queue_traces",
    "paylink.store.traced",
}


@pytest.mark.parametrize("function", ["receive_webhook", "create_checkout", "process_webhook", "get_transaction"])
def test_without_an_endpoint_nothing_of_tracing_is_loaded(function: str):
    app = REPOSITORY / "functions" / function / "app.py"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    ask = "from paylink.runtime.traces import process_tracer; assert process_tracer() is None\n"
    loaded = subprocess.run(
        [sys.executable, "-c", ask + LOADS, str(app)],
        env=environ | {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(loaded.stdout.split())
    assert "paylink.runtime.traces" in modules
    # Others have `random` loaded by what they need.
    assert not (TRACING | ({"random"} if function == "receive_webhook" else set())) & modules
    assert not [name for name in modules if name.startswith("opentelemetry")]
