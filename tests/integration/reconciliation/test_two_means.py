"""Answers and lines look at the same money: first the one, then the other, and a cause is told once."""

from paylink.core.money import Money
from paylink.core.reconciliation import BY_COMMAND, RunOrder
from paylink.services.discrepancies import Discrepancies
from paylink.store import reconciliation as runs
from support.sales import Sale
from support.settled import Clock
from support.stack import Stack
from support.truth import AGO, Truth
from support.wrongs import WRONGS


def test_an_accounts_lines_wait_for_the_questions_about_its_transactions(unlimited: Stack):
    """Also where another worker is at these: what it repairs would be a difference to the lines."""
    stack = unlimited
    stack.paid()
    reconciliation, database = stack.deps.reconciliation, stack.deps.database
    run_id = reconciliation.start(RunOrder(None, "command", sample=50), wake=False)
    held = database.run(lambda uow: runs.claim_batch(uow, run_id=run_id, left=[], lease_s=60))
    assert held is not None
    assert held.kind == "status"
    assert reconciliation.work(within_s=5) == 0
    assert [row["free"] for row in database.run(runs.list_unended_runs)] == [0]
    database.run(lambda uow: runs.save_batch(uow, held, lease_s=0))
    assert reconciliation.work(within_s=30) == 2
    assert stack.run_report(run_id)["state"] == "finished"


def test_what_a_person_has_accepted_is_not_told_anew_by_the_lines(truth: Truth):
    sale = Sale("stripe", Money(150_000, "IDR"), "paid", (WRONGS["unknown_there"],))
    truth.seed([sale])
    truth.reconcile()
    [open_one] = truth.stack.rows("select id, found_by from discrepancies where state = 'open'")
    assert open_one["found_by"] == "status"
    Discrepancies(truth.stack.deps.database).accept(open_one["id"], "an order of the old system", BY_COMMAND)
    truth.reconcile()
    assert [told.resolution for told in truth.found()] == ["accepted"]


def repeat_line(truth: Truth, sale: Sale, sandbox_clock: Clock) -> None:
    """Let the newest line be told once more, as of then: one of the last minutes is not compared yet."""
    row, *_ = truth.stack.sandbox_call("GET", "/_sandbox/stripe/settlements")["settlements"]
    sandbox_clock.offset_s = -AGO.total_seconds()
    truth.change_line(sale, row, "repeat")
    sandbox_clock.offset_s = 0


def test_more_money_than_an_answer_shows_is_told_by_the_lines(truth: Truth, sandbox_clock: Clock):
    """One of two equal payments too many is known by the answer; the other only by its line."""
    sale = Sale("stripe", Money(150_000, "IDR"), "paid", (WRONGS["paid_twice"],))
    truth.seed([sale])
    repeat_line(truth, sale, sandbox_clock)
    truth.reconcile()
    found = truth.stack.rows("select kind, found_by, ours, theirs from discrepancies order by found_by")
    assert [tuple(row.values()) for row in found] == [
        ("duplicate", "settlement", 0, 150_000),
        ("duplicate", "status", 0, 150_000),
    ]


def test_a_payment_that_was_accepted_and_repaired_later_hides_no_second_one(truth: Truth, sandbox_clock: Clock):
    """Equal in its sum: the lines tell it all the same."""
    sale = Sale("stripe", Money(150_000, "IDR"), "paid", (WRONGS["lost_payment"],))
    truth.seed([sale])
    truth.reconcile("none", settlements=False)
    [told] = truth.stack.rows("select id from discrepancies where state = 'open'")
    Discrepancies(truth.stack.deps.database).accept(told["id"], "the shop was told by hand", BY_COMMAND)
    repeat_line(truth, sale, sandbox_clock)
    truth.reconcile()
    found = truth.stack.rows("select kind, found_by, state, theirs - ours as drift from discrepancies order by id")
    assert [tuple(row.values()) for row in found] == [
        ("status_mismatch", "status", "resolved", 150_000),
        ("duplicate", "settlement", "open", 150_000),
    ]
