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
    assert lines("assert 'aws_lambda_powertools' not in sys.modules") == []
