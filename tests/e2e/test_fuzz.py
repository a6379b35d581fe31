"""
Every operation of docs/api.yaml under schemathesis: each answer keeps to the document, whatever is sent.

All of its checks, in all of its phases, with a merchant's and an operator's key, on a stack of its own: requests that
keep to the document and requests that break it, headers that are missing, methods that are not there, wrong keys, and
walks along the document's links. What no schema can say of PayLink stands in tests/support/fuzz_hooks.py.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from openapi.operations import OPERATIONS
from paylink_local.instance import load_environment
from support.running import RunningStack, started
from support.stack import REPOSITORY

SCHEMATHESIS = (sys.executable, "-m", "schemathesis.cli", "--config-file", "tests/support/schemathesis.toml", "run")
EXAMPLES, EXAMPLES_LONG = 15, 150
"""Of each operation and of the walks."""


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    # One address sends very many requests and wrong keys.
    limits = {"PAYLINK_RATE_LIMIT_PER_S": "100000", "PAYLINK_RATE_LIMIT_BURST": "100000"}
    with started(tmp_path_factory.mktemp("fuzzed"), PAYLINK_BAD_KEYS_PER_MIN="100000", **limits) as stack:
        yield stack


def test_every_answer_keeps_to_the_document(fuzzed: RunningStack, request: pytest.FixtureRequest) -> None:
    settings = load_environment(fuzzed.home, fuzzed.environ)
    tally = fuzzed.home / "answered.json"
    told = {
        "api": fuzzed.api,
        "sandbox": fuzzed.sandbox,
        "operator_key": settings["PAYLINK_DEMO_OPERATOR_KEY"],
        "merchant_key": settings["PAYLINK_DEMO_MERCHANT_KEY"],
        "tally": str(tally),
        "secrets": {name: value for name, value in settings.items() if re.search("WEBHOOK_SECRET|TOKEN|SERVER", name)},
    }
    environ = fuzzed.environ | {
        "FUZZED": json.dumps(told),
        "FUZZ_MERCHANT_KEY": settings["PAYLINK_DEMO_MERCHANT_KEY"],
        "FUZZ_OPERATOR_KEY": settings["PAYLINK_DEMO_OPERATOR_KEY"],
        "PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "tests"))),
    }
    examples = EXAMPLES_LONG if request.config.getoption("--long") else EXAMPLES
    done = subprocess.run(
        [*SCHEMATHESIS, "docs/api.yaml", "--url", fuzzed.api, "--max-examples", str(examples), "--no-color"],
        cwd=REPOSITORY,
        env=environ,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answered = {name.split()[0] for name in json.loads(tally.read_text()) if re.search(" 20[0-2]$", name)}
    assert answered == {operation.name for operation in OPERATIONS}, "each was carried out, not only refused"
