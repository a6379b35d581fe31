"""The logger is made with the first line that is logged, whoever logs it, and that line is like all others."""

import json
import os
import subprocess
import sys

import pytest

START = """
import logging, sys
from paylink.runtime import logs
assert "aws_lambda_powertools" not in sys.modules
logs.request_id_in_logs.set("r-1")
"""


def lines(code: str, **environ: str) -> list[dict[str, object]]:
    """Run code after `START` in a new interpreter, and return the lines that it logs."""
    done = subprocess.run(
        [sys.executable, "-c", START + code], capture_output=True, text=True, check=True, env=os.environ | environ
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "code",
    ['logs.log.warning("first")', 'logging.getLogger("paylink").warning("first")'],
    ids=["our logger", "the standard library's"],
)
def test_the_first_line_is_told_once_and_as_json(code: str):
    first, second = lines(f"{code}\nlogs.log.info('second', queued=3)", PAYLINK_LOG_LEVEL="INFO")
    assert (first["level"], first["message"], first["service"], first["request_id"]) == (
        "WARNING",
        "first",
        "paylink",
        "r-1",
    )
    assert (second["message"], second["queued"], second["request_id"]) == ("second", 3, "r-1")


def test_the_level_is_that_of_the_settings():
    code = "logs.log.info('too little'); logs.log.error('enough')"
    assert [line["message"] for line in lines(code, PAYLINK_LOG_LEVEL="ERROR")] == ["enough"]


def test_nothing_is_loaded_for_a_process_that_logs_nothing():
    assert lines("assert not {'aws_lambda_powertools', 'paylink.core.redaction'} & sys.modules.keys()") == []


def test_what_is_logged_at_debug_by_the_standard_library_first_is_told():
    """Before the logger is made it has its level already."""
    code = 'logging.getLogger("paylink").debug("first", extra={"n": 1})'
    assert [line["message"] for line in lines(code, PAYLINK_LOG_LEVEL="DEBUG")] == ["first"]
    assert lines(code, PAYLINK_LOG_LEVEL="INFO") == []


def test_lines_carry_the_ids_of_the_work_they_are_about():
    """Each under its one name; what a line says itself counts more, and after the work they are gone."""
    code = """
from paylink.core.log_ids import log_ids
with log_ids(transaction_id="t-1", attempt_id=None):
    with log_ids(refund_id="r-1"):
        logs.LoggedAlerts().alert("dead_event", transaction_id="t-2")
    logs.log.warning("inner")
logs.log.warning("outer")
"""
    alert, inner, outer = lines(code)
    assert (alert["alert"], alert["transaction_id"], alert["refund_id"]) == ("dead_event", "t-2", "r-1")
    assert (inner["transaction_id"], "refund_id" in inner, "attempt_id" in inner) == ("t-1", False, False)
    assert "transaction_id" not in outer


def test_ids_stay_in_their_thread():
    code = """
import threading
from paylink.core.log_ids import log_ids
with log_ids(transaction_id="t-1"):
    thread = threading.Thread(target=lambda: logs.log.warning("other"))
    thread.start()
    thread.join()
"""
    assert "transaction_id" not in lines(code)[0]


def test_an_exception_is_told_redacted():
    """With its traceback, and no mail, password or body that its message repeats."""
    code = """
try:
    try:
        int('{"email": "budi@example.com", "order": "of a payer who lives in a street with a name"}')
    except ValueError as exc:
        raise LookupError("budi@example.com at postgresql://paylink:pw@host/db") from exc
except LookupError:
    logs.log_failure("run_id", "r-2")
"""
    (line,) = lines(code)
    assert line["run_id"] == "r-2"
    assert line["exception_name"] == "LookupError"
    text = str(line["exception"])
    assert "ValueError: invalid literal for int() with base 10: '***'" in text
    assert text.endswith("LookupError: *** at postgresql://***@host/db\n")
    assert "stack_trace" not in line


def test_a_batch_and_a_schedule_have_the_id_of_their_invocation():
    """Not that of the request that the same process answered before."""
    code = """
from paylink.runtime.batches import queue_function
from paylink.runtime.http import http_function
class Context:
    aws_request_id = "i-1"
def fail(messages):
    raise ValueError("boom")
record = {"messageId": "m", "body": "{}", "attributes": {"ApproximateReceiveCount": "1"}}
queue_function("process_webhook", fail)({"Records": [record]}, Context())
app = http_function("start_reconciliation")
app.on_schedule(lambda: logs.log.warning("on schedule"))
Context.aws_request_id = "i-2"
app({"schedule": "x"}, Context())
"""
    batch, schedule = lines(code)
    assert (batch["message"], batch["request_id"]) == ("a batch failed", "i-1")
    assert (schedule["message"], schedule["request_id"]) == ("on schedule", "i-2")


def test_a_line_for_a_person():
    done = subprocess.run(
        [sys.executable, "-c", START + 'logs.log.warning("first", queued=3)'],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PAYLINK_LOG_FORMAT": "human"},
    )
    assert done.stdout.endswith(" WARNING first  queued=3 request_id=r-1\n")


def test_what_cannot_be_written_is_not_told_raw():
    """Neither half a character, nor a number too long to be written, nor a stream that takes nothing."""
    code = """
try:
    raise ValueError("of budi@example.com")
except ValueError:
    logs.log.exception("half \\ud800", n=10**5000)
import sys
sys.stdout.flush()
class Full:
    def write(self, text): raise OSError("full of budi@example.com")
    def flush(self): pass
for handler in logs._logger().handlers: handler.stream = Full()
try:
    raise ValueError("of budi@example.com")
except ValueError:
    logs.log.exception("lost")
"""
    (line,) = lines(code, PYTHONIOENCODING="utf-8:strict")
    assert (line["message"], line["n"]) == ("half \ud800", "(cannot be told)")
