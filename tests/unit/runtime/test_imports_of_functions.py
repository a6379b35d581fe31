"""What a cold start on Lambda may not import: it would cost more than the function's own work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.stack import REPOSITORY

LOADS = """
import runpy, sys
from paylink.runtime.process_metrics import process_metrics
runpy.run_path(sys.argv[1])
assert type(process_metrics()).__name__ == "EmfLines"
print(" ".join(sorted(sys.modules)))
"""


def modules_of(app: Path, before: str = "", without: str = "-") -> set[str]:
    """What running the app on Lambda loads, after `before`, where no variable begins with `without`."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(without)}
    loaded = subprocess.run(
        [sys.executable, "-c", before + LOADS, str(app)],
        env=environ | {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(loaded.stdout.split())


@pytest.mark.parametrize("function", ["receive_webhook", "create_checkout", "process_webhook", "get_transaction"])
def test_counting_on_lambda_needs_no_prometheus(function: str):
    app = REPOSITORY / "functions" / function / "app.py"
    modules = modules_of(app)
    assert "paylink.runtime.emf" in modules
    assert not {"prometheus_client", "mmap", "paylink.runtime.exposition"} & modules


@pytest.mark.parametrize("function", ["receive_webhook", "create_checkout", "health", "answer_preflight"])
def test_ciphers_and_signatures_wait_for_their_first_use(function: str):
    app = REPOSITORY / "functions" / function / "app.py"
    modules = modules_of(app)
    assert "paylink.store.sealing" in modules
    assert not {"paycrypto", "cryptography"} & modules


TRACING = {
    *(
        f"paylink.runtime.{name}"
        for name in ("tracer", "otlp", "otlp_link", "trace_export", "trace_settings", "request_traces")
    ),
    "paylink.runtime.queue_traces",
    "paylink.store.traced",
}


@pytest.mark.parametrize("function", ["receive_webhook", "create_checkout", "process_webhook", "get_transaction"])
def test_without_an_endpoint_nothing_of_tracing_is_loaded(function: str):
    app = REPOSITORY / "functions" / function / "app.py"
    ask = "from paylink.runtime.traces import process_tracer; assert process_tracer() is None\n"
    modules = modules_of(app, ask, without="OTEL_")
    assert "paylink.runtime.traces" in modules
    # Others have `random` loaded by what they need.
    assert not (TRACING | ({"random"} if function == "receive_webhook" else set())) & modules
    assert not [name for name in modules if name.startswith("opentelemetry")]
