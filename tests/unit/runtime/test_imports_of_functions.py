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
