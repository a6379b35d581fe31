"""docs/logging.md knows every id, every option, and only messages that there are."""

import argparse
import re

from paylink.core.log_ids import LOG_IDS
from paylink_local.commands import logs
from support.stack import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "logging.md").read_text()


def test_every_id_has_its_line():
    assert {name for name in LOG_IDS if f"`{name}`" not in DOCUMENT} == set()


_CALL = re.compile(r"(?:log_ids|alerts?\.alert|log_failure)\(([^()]*(?:\([^()]*\)[^()]*)*)\)")


def test_no_line_names_an_id_otherwise():
    """In the code of the functions a field that holds an id has one of the names, or says what it is beside."""
    calls = [
        call for file in (REPOSITORY / "layers" / "paylink").rglob("*.py") for call in _CALL.findall(file.read_text())
    ]
    named = {name for call in calls for name in re.findall(r"\b(\w*_id|id)=", call)}
    assert named - {"evidence_id"} <= set(LOG_IDS)
    assert {"transaction_id", "event_row_id", "refund_id", "account_id", "run_id"} <= named


def test_every_option_is_shown():
    parser = argparse.ArgumentParser()
    logs.add_arguments(parser)
    for option in parser._option_string_actions:
        assert option in DOCUMENT or option in ("-h", "--help")


def test_every_message_that_it_names_is_logged():
    section = DOCUMENT[DOCUMENT.index("## Levels") : DOCUMENT.index("## What is never logged")]
    rows = re.findall(r"^\| (?:ERROR|WARNING|INFO|DEBUG) \|[^|]*\|([^|]*)\|$", section, re.M)
    messages = {message for row in rows for message in re.findall(r"`([^`]+)`", row)}
    roots = ("layers", "functions", "local")
    sources = [file.read_text() for root in roots for file in (REPOSITORY / root).rglob("*.py")]
    assert len(messages) > 10
    assert {message for message in messages if not any(f'"{message}' in text for text in sources)} == set()
