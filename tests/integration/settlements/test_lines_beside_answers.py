"""Lines beside what providers' answers have shown: as long as that holds a cause is told once, and hides no other."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from paylink.core.discrepancies import Finding
from paylink.core.foreseen import Foreseen
from paylink.core.refunds import Listed, RefundState
from paylink.core.states import State
from paylink.providers.payments import REFUND, Reference
from paylink.store.settlements import store_lines, try_lock_lines
from paylink.store.unit_of_work import UnitOfWork
from support.books import MIDDAY, Books
from support.shown import accept, match, match_dry, pay, record, shown, tell_dry, told_by_lines
from support.statements import line

PAID = Foreseen(1, State.PAID, 150_000, 0, None, None, None)
REFUNDED = Foreseen(1, State.REFUNDED, 150_000, 150_000, None, None, None)
PART_REFUNDED = Foreseen(1, State.PARTIALLY_REFUNDED, 150_000, 50_000, None, None, None)


def unheard_payment(transaction_id: UUID, after: Foreseen = PAID) -> Finding:
    return shown(transaction_id, "pending/paid", 0, 150_000, after)


@pytest.mark.parametrize("accepted", [False, True])
def test_what_an_answer_showed_before_its_webhook_came_hides_no_second_payment(books: Books, accepted: bool):
    transaction_id = pay(books, 150_000, 150_000)
    record(books, unheard_payment(transaction_id))
    if accepted:
        accept(books)
    books.sql("update transactions set state = 'paid', captured = 150000, version = 2")
    books.add_history(transaction_id, 2, "paid", 150_000, 0, None, MIDDAY)
    match(books)
    assert told_by_lines(books) == [("duplicate", 150_000)]


@pytest.mark.parametrize("accepted", [False, True])
def test_what_is_shown_again_of_a_changed_transaction_holds_for_what_it_is_now(books: Books, accepted: bool):
    """Its evidence is the newest answer's."""
    transaction_id = pay(books, 150_000)
    record(books, unheard_payment(transaction_id))
    if accepted:
        accept(books)
    books.sql("update transactions set version = 2")
    again = unheard_payment(transaction_id, replace(PAID, version=2))
    record(books, again)
    [row] = books.rows("select state, evidence from discrepancies")
    assert (row["state"], row["evidence"]) == ("resolved" if accepted else "open", again.evidence)
    match(books)
    assert told_by_lines(books) == []


def test_what_is_gone_and_back_has_the_evidence_of_who_found_it_again(books: Books):
    transaction_id = pay(books, 150_000)
    record(books, unheard_payment(transaction_id))
    books.sql("update discrepancies set state = 'resolved', resolution = 'gone', resolved_at = now()")
    books.sql("update transactions set version = 2")
    again = unheard_payment(transaction_id, replace(PAID, version=2))
    record(books, again)
    [row] = books.rows("select state, evidence, found_by from discrepancies")
    assert row == {"state": "open", "evidence": again.evidence, "found_by": "status"}


def test_what_lines_find_again_keeps_the_evidence_of_the_answer_and_is_theirs_once_it_was_gone(books: Books):
    """Then only they can tell that it is gone once more."""
    transaction_id = pay(books, 150_000)
    record(books, first := unheard_payment(transaction_id, replace(PAID, version=0)))
    match(books)
    [row] = books.rows("select evidence, found_by, settlement_line_id from discrepancies")
    assert row == {"evidence": first.evidence, "found_by": "status", "settlement_line_id": None}
    books.sql("update discrepancies set state = 'resolved', resolution = 'gone', resolved_at = now()")
    match(books)
    [row] = books.rows("select state, evidence, found_by, settlement_line_id from discrepancies")
    assert (row["state"], row["found_by"], "after" in row["evidence"]) == ("open", "settlement", False)
    assert row["settlement_line_id"] is not None


def test_of_two_answers_about_the_same_version_the_newer_counts(books: Books):
    """Whatever was accepted of the older; and in whatever order they were stored."""
    first, second = (pay(books, 150_000, -150_000) for _ in range(2))
    runs = [books.run_id() for _ in range(2)]
    refunded = [shown(one, "pending/refunded", 0, 0, REFUNDED) for one in (first, second)]
    record(books, unheard_payment(first), run_id=runs[0])
    record(books, refunded[0], run_id=runs[1])
    record(books, refunded[1], run_id=runs[1])
    record(books, unheard_payment(second), run_id=runs[0])
    match(books)
    assert told_by_lines(books) == []


def refund_behind_another_sum(books: Books, *amounts: int) -> UUID:
    """Let a refund of ours have succeeded, which an answer with another sum does not list."""
    transaction_id = pay(books, *amounts, state="partially_refunded", captured=150_000, refunded=50_000)
    refund = books.refund(transaction_id, 50_000)
    books.sql(
        "update settlement_lines set reference_kinds = %s, reference_values = %s where amount = -50000",
        *([REFUND], [str(refund)]),
    )
    after = replace(PART_REFUNDED, refunded=80_000, refunds={})
    record(books, shown(transaction_id, "150000-50000/150000-80000", 100_000, 70_000, after))
    return refund


@pytest.mark.parametrize("accepted", [False, True])
def test_where_nothing_can_be_foreseen_lines_are_compared_with_what_is_held(books: Books, accepted: bool):
    """What the answer shows is told once all the same, and what else they tell, too."""
    refund_behind_another_sum(books, 150_000, -50_000, -30_000, 150_000)
    if accepted:
        accept(books)
    match(books)
    assert told_by_lines(books) == [("duplicate", 150_000)]


def test_where_nothing_can_be_foreseen_a_line_that_is_there_again_is_no_longer_missing(books: Books):
    refund_behind_another_sum(books, -50_000)
    match(books)
    [missing] = told_by_lines(books)
    assert missing == ("missing_at_provider", -150_000)
    name = books.rows("select value from provider_references where kind = 'payment'")[0]["value"]

    def work(uow: UnitOfWork) -> None:
        assert try_lock_lines(uow, books.account.id)
        store_lines(uow, books.account.id, [line("late", 150_000, Reference("payment", name))])

    books.database.run(work)
    assert match(books).gone == 1


def test_what_was_accepted_is_not_what_the_transaction_will_be_for_ever(books: Books):
    """Nobody takes it back when the provider's side moves on. What the lines tell is beside what we hold."""
    transaction_id = pay(books, 150_000, -50_000, state="paid", captured=150_000)
    record(books, shown(transaction_id, "paid/refunded", 150_000, 0, REFUNDED))
    accept(books)
    match(books)
    assert told_by_lines(books) == [("missing_internal", -50_000)]


def test_what_was_accepted_and_is_shown_by_this_very_run_is_not_told_anew(books: Books):
    """Not even where its drift is nothing, and several lines tell of it."""
    transaction_id = pay(books, 150_000, -150_000)
    record(books, finding := shown(transaction_id, "pending/refunded", 0, 0, REFUNDED))
    accept(books)
    run_id = books.run_id()
    record(books, finding, run_id=run_id)
    match(books, run_id=run_id)
    assert told_by_lines(books) == []


@pytest.mark.parametrize("after", ["paid", {}, {"version": 1}, {"version": "1", "state": "paid"}, [1], 7, None])
def test_an_after_that_cannot_be_read_counts_as_none(books: Books, after: Any):
    """The drift is told once, and the lines are matched to their end."""
    transaction_id = pay(books, 150_000)
    finding = unheard_payment(transaction_id)
    record(books, replace(finding, evidence={**finding.evidence, "after": after}))
    assert (match(books).compared, told_by_lines(books)) == (1, [])


def test_a_dry_run_believes_what_it_has_found_itself(books: Books):
    first, second = (pay(books, 150_000, -150_000) for _ in range(2))
    record(books, unheard_payment(first), unheard_payment(second))
    run_id = books.run_id()
    both = [shown(one, "pending/refunded", 0, 0, REFUNDED) for one in (first, second)]
    tell_dry(books, run_id, *both, checked=2)
    assert match_dry(books, run_id) == []


def test_a_dry_run_believes_nothing_older_of_what_it_has_checked(books: Books):
    """There the answer shows it no more. What it did not ask about, or got no answer of, stays as it is known."""
    transaction_id = pay(books, 150_000)
    record(books, unheard_payment(transaction_id))
    asked, unasked, unanswered = (books.run_id() for _ in range(3))
    tell_dry(books, asked, checked=1)
    tell_dry(books, unasked, checked=0)
    tell_dry(books, unanswered, checked=1, failed=1)
    found = [match_dry(books, run_id) for run_id in (asked, unasked, unanswered)]
    assert found == [[("status_mismatch", 150_000)], [], []]


def test_a_dry_run_reads_once_what_it_has_found(books: Books, monkeypatch: pytest.MonkeyPatch):
    """However many chunks there are: each would read all of it."""
    from paylink.store import told

    for _ in range(7):
        pay(books, 150_000)
    run_id = books.run_id()
    ids = [row["id"] for row in books.rows("select id from transactions")]
    tell_dry(books, run_id, *map(unheard_payment, ids), checked=7)
    monkeypatch.setattr("paylink.services.settlement_matching.CHUNK_SIZE", 2)
    read, count = told.read_dry_run, 0

    def counted(*arguments: Any) -> told.DryRun:
        nonlocal count
        count += 1
        return read(*arguments)

    monkeypatch.setattr("paylink.services.settlement_matching.read_dry_run", counted)
    assert (match_dry(books, run_id), count) == ([], 1)


def test_a_refund_that_the_answer_shows_as_failed_is_not_told_by_its_line(books: Books):
    """As ours will be once that is applied."""
    transaction_id = pay(books, 150_000, state="partially_refunded", captured=150_000, refunded=50_000)
    refund = books.refund(transaction_id, 50_000)
    after = replace(PAID, refunds={refund: Listed(RefundState.FAILED, False)})
    record(books, shown(transaction_id, "partially_refunded/paid", 100_000, 150_000, after))
    match(books)
    assert told_by_lines(books) == []
