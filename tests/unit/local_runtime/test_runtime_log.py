"""The log of the gateway and the worker: like the functions' own, and whatever ends is told redacted."""

import json
import os
import subprocess
import sys

import pytest

START = """
import logging, threading
from paylink_local.runtime_log import configure_logging
configure_logging()
log = logging.getLogger("paylink_local.gateway")
"""


def run(code: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", START + code], capture_output=True, text=True, check=False, env=os.environ | environ
    )


def test_a_line_has_the_fields_of_the_functions_lines():
    done = run('log.warning("slow", extra={"fields": {"request_id": "r-1", "ms": 3}})')
    line = json.loads(done.stdout)
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "message": "slow",
        "logger": "paylink_local.gateway",
        "request_id": "r-1",
        "ms": 3,
    }


def test_for_a_person_and_so_do_the_functions():
    code = 'log.warning("slow")\nfrom paylink.runtime.logs import log\nlog.warning("slow, too")'
    out = run(code, PAYLINK_LOG_FORMAT="human").stdout.splitlines()
    assert [line[12:] for line in out] == [" WARNING slow", " WARNING slow, too"]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ('raise ValueError("of budi@example.com")', "process"),
        (
            'def end():\n    raise ValueError("of budi@example.com")\nthreading.Thread(target=end, name="t-1").start()',
            "thread t-1",
        ),
    ],
    ids=["process", "thread"],
)
def test_what_ends_with_an_exception_is_told_redacted(code: str, what: str):
    done = run(code)
    line = json.loads(done.stdout)
    assert (line["level"], line["message"]) == ("CRITICAL", f"a {what} ended with an exception")
    assert line["exception"].endswith("ValueError: of ***\n")
    assert "budi" not in done.stdout + done.stderr


def test_a_form_that_there_is_not_is_refused():
    done = run("", PAYLINK_LOG_FORMAT="xml")
    assert done.returncode == 1
    assert "PAYLINK_LOG_FORMAT must be one of human, json, not 'xml'" in done.stderr
