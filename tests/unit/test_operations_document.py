"""The runbook knows every alert that the code raises, every command and every verdict."""

import argparse
import re

import pytest

from paylink.core.states import State
from paylink_local.commands import credentials, dead_letters, doctor, events, status
from support.stack import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "operations.md").read_text()
SOURCES = [file.read_text() for file in (REPOSITORY / "layers" / "paylink" / "paylink").rglob("*.py")]


def raised() -> set[str]:
    """Return each alert that stands in the code; one that is put together, with each state in its place."""
    found: set[str] = set()
    for text in SOURCES:
        found |= set(re.findall(r'\balerts\.alert\(\s*"(\w+)"', text))
        found |= set(re.findall(r'\balert = "(\w+)"', text))
        for block in re.findall(r"^_TAKEN_BACK = \{(.*?)\}", text, re.M):
            found |= set(re.findall(r'"(\w+)"', block))
    return found


def test_every_alert_has_its_line():
    section = DOCUMENT[DOCUMENT.index("## Alerts") :]
    alerts = raised()
    assert {"dead_event", "amount_mismatch", "payment_voided", "refunded_more_than_captured"} <= alerts
    assert not {alert for alert in alerts if f"| `{alert}` |" not in section}
    for state in (State.FAILED, State.EXPIRED, State.CANCELLED):
        assert f"`paid_after_{state}`" in section
        assert f"`{state}_after_...`" in section


@pytest.mark.parametrize("command", [events, dead_letters, credentials], ids=lambda module: module.__name__)
def test_every_action_and_option_is_shown(command):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    actions = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    name = command.__name__.rpartition(".")[2].replace("_", "-")
    for action, subparser in actions.items():
        assert f"paylink {name} {action}" in DOCUMENT
        for option in subparser._option_string_actions:
            assert option in DOCUMENT or option in ("-h", "--help", "--cursor")


def test_every_verdict_is_explained():
    text = (REPOSITORY / "layers/paylink/paylink/services/reverification.py").read_text()
    verdicts = set(re.findall(r'Outcome\.\w+, "(\w+)"', text))
    assert len(verdicts) >= 6
    assert not {verdict for verdict in verdicts if f"`{verdict}`" not in DOCUMENT}


@pytest.mark.parametrize("command", [doctor, status], ids=lambda module: module.__name__)
def test_every_option_of_the_examination_is_shown(command):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert not set(parser._option_string_actions) - {"-h", "--help"} - set(re.findall(r"--[a-z-]+", DOCUMENT))


def test_every_check_of_the_doctor_is_explained():
    """A check's name is the first word of its findings, as a text or by the variable `check`."""
    text = "".join(file.read_text() for file in (REPOSITORY / "local/paylink_local/doctor").glob("*.py"))
    found = set(re.findall(r'\b(?:ok|warning|wrong|level|tell)\(\s*"(\w+)"', text))
    found |= set(re.findall(r'\b(?:check|CHECK|_CHECK)(?:, whose)? = "(\w+)"', text))
    assert {"settings", "queues", "postgres", "api_keys", "webhook_secrets", "localstack"} <= found
    assert not {check for check in found if f"`{check}`" not in DOCUMENT}
