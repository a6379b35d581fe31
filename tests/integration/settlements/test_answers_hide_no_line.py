"""An answer that nothing can repair hides no line that tells of something else, however long it is known."""

from uuid import UUID

import pytest

from paylink.core.discrepancies import Finding, Kind
from paylink.core.foreseen import Foreseen
from paylink.core.states import State
from paylink.providers.settlements import LineKind
from support.books import Books
from support.shown import accept, match, match_dry, pay, record, shown, tell_dry, told_by_lines

CHARGEBACK, PAID = -150_000, {"state": "paid", "captured": 150_000}


def unknown_there(transaction_id: UUID) -> Finding:
    return shown(transaction_id, "paid/not found", 150_000, 0, kind=Kind.MISSING_AT_PROVIDER)


def paid_twice(transaction_id: UUID) -> Finding:
    return shown(transaction_id, "also paid: other", 0, 150_000, kind=Kind.DUPLICATE)


def charge_back(books: Books) -> None:
    """Let what went out have been taken back by the payer's bank."""
    books.sql("update settlement_lines set kind = %s where amount < 0", LineKind.CHARGEBACK)


def move_on(books: Books) -> None:
    """Let our side have changed since the answer, in none of its figures."""
    books.sql("update transactions set version = version + 1")


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("moved", [False, True])
def test_a_chargeback_is_told_beside_a_payment_that_an_answer_did_not_know(books: Books, accepted: bool, moved: bool):
    record(books, unknown_there(pay(books, 150_000, CHARGEBACK, **PAID)))
    charge_back(books)
    if accepted:
        accept(books)
    if moved:
        move_on(books)
    match(books)
    assert told_by_lines(books) == [("status_mismatch", CHARGEBACK)]


def test_a_chargeback_is_told_beside_a_refund_that_was_accepted(books: Books):
    """Of the same sum, at the same version: no answer's figures hold what a bank took back."""
    after = Foreseen(1, State.REFUNDED, 150_000, 150_000, None, None, None)
    record(books, shown(pay(books, 150_000, CHARGEBACK, **PAID), "paid/refunded", 150_000, 0, after))
    charge_back(books)
    accept(books)
    match(books)
    assert told_by_lines(books) == [("status_mismatch", CHARGEBACK)]


@pytest.mark.parametrize("accepted", [False, True])
def test_a_refund_is_told_beside_a_payment_that_an_answer_did_not_know(books: Books, accepted: bool):
    record(books, unknown_there(pay(books, 150_000, -150_000, **PAID)))
    if accepted:
        accept(books)
    match(books)
    assert told_by_lines(books) == [("missing_internal", -150_000)]


@pytest.mark.parametrize("accepted", [False, True])
def test_a_payment_that_was_reversed_is_told_beside_an_answer_that_did_not_know_it(books: Books, accepted: bool):
    """The lines know it."""
    record(books, unknown_there(pay(books, 150_000, -150_000, **PAID)))
    books.sql("update settlement_lines set kind = %s", LineKind.PAYMENT)
    if accepted:
        accept(books)
    match(books)
    assert told_by_lines(books) == [("missing_at_provider", -150_000)]


def test_a_refund_without_a_line_is_told_beside_a_second_payment(books: Books):
    """Whose own line is still to come."""
    transaction_id = pay(books, 150_000, state="refunded", captured=150_000, refunded=150_000)
    books.refund(transaction_id, 150_000)
    record(books, paid_twice(transaction_id))
    match(books)
    assert told_by_lines(books) == [("missing_at_provider", 150_000)]


@pytest.mark.parametrize("accepted", [False, True])
def test_another_state_holds_for_our_side_as_it_was_then(books: Books, accepted: bool):
    """It may have been another of the same sum, or the refund that came since."""
    record(books, shown(pay(books, **PAID), "paid/pending", 150_000, 0))
    if accepted:
        accept(books)
    match(books)
    assert told_by_lines(books) == []
    move_on(books)
    match(books)
    assert told_by_lines(books) == [("missing_at_provider", -150_000)]


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("moved", [False, True])
def test_the_same_kind_of_the_same_money_is_told_once_whatever_changed_since(books: Books, accepted: bool, moved: bool):
    record(books, unknown_there(pay(books, **PAID)), paid_twice(pay(books, 150_000, 150_000, **PAID)))
    if accepted:
        accept(books)
    if moved:
        move_on(books)
    match(books)
    assert told_by_lines(books) == []


def test_each_answer_tells_the_line_that_is_surely_the_same(books: Books):
    """In whatever order they were stored: another amount may be told in any kind, a second payment in one."""
    transaction_id = pay(books, 150_000, 150_000)
    amount = shown(transaction_id, "149000/150000", 0, 150_000, kind=Kind.AMOUNT_MISMATCH)
    record(books, amount)
    record(books, paid_twice(transaction_id))
    match(books)
    assert told_by_lines(books) == []


def test_in_a_dry_run_too(books: Books):
    one, other = pay(books, **PAID), pay(books, 150_000, CHARGEBACK, **PAID)
    charge_back(books)
    run_id = books.run_id()
    tell_dry(books, run_id, unknown_there(one), unknown_there(other), checked=2)
    assert match_dry(books, run_id) == [("status_mismatch", CHARGEBACK)]
