"""The alert rules, by promtool: each is raised by what it is for, and each has its page of the runbook."""

import re
import shlex
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml

from paylink.core.metrics import METRICS
from paylink_local.cli import _parser
from support.prometheus import OBSERVABILITY, SERIES, promtool, unknown_in
from support.stack import REPOSITORY

RULES: dict[str, Any] = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())
ALL_RULES = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in ALL_RULES if "alert" in rule]
TESTS: dict[str, Any] = yaml.safe_load((OBSERVABILITY / "alerts_test.yml").read_text())
CASES = [case for test in TESTS["tests"] for case in test["alert_rule_test"]]
RUNBOOK = (REPOSITORY / "docs" / "runbook.md").read_text()


def test_prometheus_takes_the_rules_and_its_own_settings():
    assert promtool("check", "rules", "alerts.yml").returncode == 0
    checked = promtool("check", "config", "--syntax-only", "prometheus.yml")
    assert checked.returncode == 0, checked.stderr


def test_the_rules_pass_their_tests():
    tested = promtool("test", "rules", "alerts_test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_has_a_case_that_raises_it_and_one_that_does_not(alert: dict[str, Any]):
    raised = {bool(case["exp_alerts"]) for case in CASES if case["alertname"] == alert["alert"]}
    assert raised == {True, False}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
@pytest.mark.parametrize("expression", ["vector(1) == 1", "vector(0) == 1"], ids=["always", "never"])
def test_the_tests_see_a_rule_that_is_wrong(alert: dict[str, Any], expression: str, tmp_path: Path):
    """With a rule that always holds, or never does, they fail."""
    name = alert["alert"]
    broken = [{**rule, "expr": expression} if rule.get("alert") == name else rule for rule in ALL_RULES]
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump({"groups": [{"name": "broken", "rules": broken}]}))
    own = [test for test in TESTS["tests"] if name in {case["alertname"] for case in test["alert_rule_test"]}]
    (tmp_path / "alerts_test.yml").write_text(yaml.safe_dump(TESTS | {"tests": own}))
    assert promtool("test", "rules", "alerts_test.yml", folder=tmp_path).returncode == 1


def test_rules_speak_of_figures_and_labels_that_there_are():
    recorded = {rule["record"] for rule in ALL_RULES if "record" in rule}
    for rule in ALL_RULES:
        assert unknown_in(rule["expr"], recorded) == []
    assert unknown_in('paylink_event{a="b"} + paylink_events{status="dead"}', recorded) == ["paylink_event", "status"]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_has_its_page_of_the_runbook(alert: dict[str, Any]):
    name = alert["alert"]
    assert alert["annotations"]["runbook_url"] == f"https://paylink.dev/docs/runbook#{name.lower()}"
    assert alert["labels"]["severity"] in ("critical", "warning")
    [page] = re.findall(rf"^## {name}$(.*?)(?=^## |\Z)", RUNBOOK, re.M | re.S)
    for part in ("**Means**", "**Look at**", "**Do**"):
        assert page.count(part) == 1, part
    assert "```" in page, "a command"


def test_the_runbook_has_no_page_without_an_alert():
    assert set(re.findall(r"^## (PayLink\w+)$", RUNBOOK, re.M)) == {alert["alert"] for alert in ALERTS}


def test_the_runbooks_commands_are_real():
    """Each is one that the command line takes, with something in place of what stands in capitals."""
    lines = re.findall(r"^paylink .+$", RUNBOOK, re.M)
    assert len(lines) > 20
    for line in lines:
        filled = re.sub(r"\b(?:[A-Z]+_)?ID\b", str(uuid.uuid4()), line)
        _, *arguments = shlex.split(filled)
        assert _parser(arguments).parse_args(arguments).command == arguments[0]


def test_the_runbooks_figures_are_real():
    told = set(re.findall(r"`(paylink_[a-z_]+)", RUNBOOK))
    assert len(told) > 5
    assert told <= SERIES.keys() | {metric.name for metric in METRICS}


def test_the_document_lists_each_alert_with_its_severity():
    document = (REPOSITORY / "docs" / "observability.md").read_text()
    listed = dict(re.findall(r"^\| `(PayLink\w+)` \|.*\| (\w+) \|$", document, re.M))
    assert listed == {alert["alert"]: alert["labels"]["severity"] for alert in ALERTS}
