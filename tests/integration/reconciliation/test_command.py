"""`paylink reconcile`: it works without a worker, tells a person what differs, and a program too."""

import csv
import io
import json
from collections.abc import Callable

import pytest

from paylink_local.cli import main
from paylink_local.commands.reconcile import progress
from support.stack import Stack

Told = Callable[..., tuple[int, str]]


@pytest.fixture
def told(stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Told:
    """Run the command and return its exit code and what it printed. A second question is asked at once."""
    monkeypatch.setattr("paylink.services.batch_work.DOUBT_S", 0.0)

    def run(*options: str) -> tuple[int, str]:
        code = main(["reconcile", *options])
        return code, capsys.readouterr().out

    return run


def lose_a_payment(stack: Stack) -> str:
    answer = stack.checkout()
    stack.fault("webhook_drop")
    stack.pay(answer.body["checkout_url"])
    stack.await_deliveries()
    stack.fault_off("webhook_drop")
    return str(answer.body["id"])


def test_it_tells_what_it_found_and_what_it_did(stack: Stack, told: Told):
    transaction_id = lose_a_payment(stack)
    code, text = told("--no-repair")
    assert code == 0
    assert "finished" in text
    assert "drift +150,000" in text
    assert "1 differences: 0 settled, 1 open" in text
    assert f"status_mismatch  transaction:{transaction_id}  pending/paid  +150,000 IDR" in text
    assert "1 differences: 1 settled, 0 open" in told()[1]
    assert stack.transaction(transaction_id)["state"] == "paid"


def test_json_and_csv_have_each_discrepancy(stack: Stack, told: Told):
    lose_a_payment(stack)
    report = json.loads(told("--no-repair", "--json")[1])
    [found] = report["discrepancies"]
    [row] = list(csv.DictReader(io.StringIO(told("--no-repair", "--csv")[1])))
    assert row["id"] == found["id"]
    assert (row["kind"], row["ours"], row["theirs"], row["drift"]) == ("status_mismatch", "0", "150000", "150000")


def test_a_dry_run_changes_nothing(stack: Stack, told: Told):
    transaction_id = lose_a_payment(stack)
    assert "0 settled, 1 open" in told("--dry-run")[1]
    assert stack.transaction(transaction_id)["state"] == "pending"
    assert stack.rows("select 1 from discrepancies") == []


def test_what_was_not_checked_is_told_and_is_the_exit_code(stack: Stack, told: Told):
    stack.checkout()
    stack.fault("api_error_before", match="GET")
    code, text = told()
    assert code == 2
    assert "not checked: 1 transactions of stripe/default" in text


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--provider", "nobody"], "--provider"),
        (["--account", "default"], "--provider"),
        (["--created-from", "2026-01-01"], "--created-to"),
        (["--sample", "1001"], "--sample"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_option(
    stack: Stack, capsys: pytest.CaptureFixture[str], options: list[str], named: str
):
    assert main(["reconcile", *options]) == 1
    assert named in capsys.readouterr().err


def test_the_bar_shows_how_far_a_run_is():
    run = {"state": "running", "selected": 200, "checked": 90, "failed": 10}
    assert progress(run, 12.4) == "[###############...............] 100 of 200 asked about, 12 s"
    assert progress(run | {"state": "finished", "selected": 0, "checked": 0, "failed": 0}, 0).startswith("[" + "#" * 30)
