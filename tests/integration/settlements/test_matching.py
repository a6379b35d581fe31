"""Settlement matching against the database: what is read, in chunks, what is recorded, and what is left alone."""

import threading
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from paylink.core.discrepancies import Finding
from paylink.core.fees import FeeAgreement, FeeTerms
from paylink.providers.payments import ATTEMPT, REFUND, Reference
from paylink.providers.settlements import REFUND_REFERENCE, LineKind, SettlementLine
from paylink.services import settlement_matching
from paylink.services.fee_agreements import FeeAgreements
from paylink.services.operator import COMMAND
from paylink.services.settlement_matching import Matched, SettlementMatching
from paylink.store.ids import new_id
from paylink.store.settlements import add_coverage, store_lines, try_lock_lines
from paylink.store.told import DryRun
from paylink.store.unit_of_work import UnitOfWork
from support.books import MIDDAY, Books, event_of, parts_of
from support.plans import Explaining, nodes
from support.statements import line

DAY = timedelta(days=1)
SINCE, UNTIL = MIDDAY - DAY, MIDDAY + 2 * DAY


def payment(transaction: object) -> Reference:
    return Reference("payment", str(transaction))


def settle(books: Books, *lines: SettlementLine, covered: bool = True) -> None:
    """Store lines, and note that there are no others from two days before to long after."""

    def work(uow: UnitOfWork) -> None:
        assert try_lock_lines(uow, books.account.id)
        for start in range(0, len(lines), 1000):
            store_lines(uow, books.account.id, lines[start : start + 1000])
        if covered:
            add_coverage(uow, books.account.id, MIDDAY - 2 * DAY, MIDDAY + 30 * DAY)

    books.database.run(work, deadline_s=30)


def run(books: Books, *, now: datetime = MIDDAY + 9 * DAY, **options: Any) -> Matched:
    matching = SettlementMatching(parts_of(books, now))
    return matching.match(books.account, options.pop("run_id", None) or books.run_id(), SINCE, UNTIL, **options)


def pay(books: Books, *lines: tuple[str, int], **options: Any) -> UUID:
    """Make a transaction, known as `payment` by the name of the first line, and settle these lines of it."""
    names = [Reference("payment", lines[0][0])] if lines else []
    transaction_id = books.pay(references=names, **options)
    settle(books, *(line(name, amount, *names) for name, amount in lines))
    return transaction_id


def test_what_agrees_is_not_told_and_a_second_run_adds_nothing(books: Books):
    pay(books, ("l1", 150_000))
    wrong = pay(books, ("l2", 140_000))
    first, second = run(books), run(books)
    assert (first.compared, first.found, first.recorded, first.gone, first.next) == (2, 1, 1, 0, None)
    assert (second.compared, second.found, second.recorded, second.gone) == (2, 1, 0, 0)
    assert books.open() == [("amount_mismatch", f"transaction:{wrong}", 150_000, 140_000)]
    evidence = books.rows("select evidence, found_by, settlement_line_id from discrepancies")[0]
    assert evidence["found_by"] == "settlement"
    assert evidence["evidence"]["theirs"]["line_id"] == "l2"
    assert evidence["evidence"]["ours"]["captured_at"] == (MIDDAY + timedelta(minutes=1)).isoformat()


def test_lines_are_found_by_every_name_that_is_known(books: Books):
    first, second, third, fourth = (books.pay(references=[payment(n)], refunded=n * 1000) for n in range(4))
    attempt = books.rows("select value from provider_references where transaction_id = %s and kind = 'attempt'", first)
    by_id = books.refund(second, 1_000)
    by_reference = books.refund(third, 2_000, reference="re_2")
    settle(
        books,
        line("p0", 150_000, Reference("unheard-of", "x"), Reference(ATTEMPT, attempt[0]["value"])),
        *(line(f"p{n}", 150_000, payment(n)) for n in (1, 2, 3)),
        line("r1", -1_000, Reference(REFUND, str(by_id))),
        line("r2", -2_000, Reference(REFUND_REFERENCE, "re_2")),
        line("r3", -3_000, payment(3)),
    )
    assert run(books).found == 0
    rows = {row["line_id"]: row for row in books.rows("select * from settlement_lines")}
    owners = {name: row["transaction_id"] for name, row in rows.items()}
    assert owners == {
        "p0": first, "p1": second, "p2": third, "p3": fourth, "r1": second, "r2": third, "r3": fourth,
    }  # fmt: skip
    assert [rows[name]["refund_id"] for name in ("r1", "r2", "r3")] == [by_id, by_reference, None]


def test_a_name_in_another_account_stands_for_nothing_here(books: Books):
    """Nor does a refund of another account, whatever its line says."""
    other = books.make_account("second")
    elsewhere = books.pay(references=[payment(1)], account=other, refunded=5_000)
    refund = books.refund(elsewhere, 5_000)
    settle(books, line("l1", 150_000, payment(1)), line("l2", -5_000, Reference(REFUND, str(refund))))
    assert run(books).foreign == 1
    assert books.open() == [("missing_internal", "line:l2", 0, -5_000)]


def test_a_name_that_is_learned_later_matches_its_line(books: Books):
    settle(books, line("l1", 150_000, Reference(ATTEMPT, str(UUID(int=5)))))
    run(books)
    assert books.open() == [("missing_internal", "line:l1", 0, 150_000)]
    books.pay(references=[Reference(ATTEMPT, str(UUID(int=5)))])
    assert run(books).gone == 1
    assert books.open() == []


def test_a_payment_without_a_line_is_missing_and_gone_once_the_line_is_there(books: Books):
    transaction_id = books.pay(references=[payment(1)])
    settle(books)
    minute = timedelta(minutes=1)
    assert run(books, now=MIDDAY + DAY + minute - timedelta(seconds=1)).found == 0
    assert run(books, now=MIDDAY + DAY + minute).recorded == 1
    assert books.open() == [("missing_at_provider", f"transaction:{transaction_id}", 150_000, 0)]
    settle(books, line("l1", 150_000, payment(1)))
    assert (run(books).gone, books.open()) == (1, [])


def test_without_coverage_nothing_is_missing(books: Books):
    books.pay()
    settle(books, covered=False)
    assert run(books).found == 0


def test_the_delay_runs_from_when_the_present_figure_was_learned(books: Books):
    """A payment that failed and was paid after all; a refund that became more."""
    transaction_id = books.pay(references=[payment(1)], refunded=9_000)
    settle(books, line("l1", 150_000, payment(1)))
    later = MIDDAY + 3 * DAY
    books.add_history(transaction_id, 2, "failed", 0, 0, None, later)
    books.add_history(transaction_id, 3, "paid", 150_000, 5_000, None, later)
    books.add_history(transaction_id, 4, "partially_refunded", 150_000, 9_000, None, later + DAY)
    assert run(books, now=later + 2 * DAY - timedelta(seconds=1)).found == 0
    run(books, now=later + 2 * DAY)
    assert books.open() == [("missing_at_provider", f"transaction:{transaction_id}", -9_000, 0)]


def test_nothing_is_said_of_a_transaction_that_is_in_flight(books: Books):
    """Neither that it differs, nor that what was found before is gone."""
    changing = pay(books, ("l1", 140_000))
    with_event = pay(books, ("l2", 140_000))
    with_refund = pay(books, ("l3", 140_000))
    event = event_of(books, with_event)
    refund = books.refund(with_refund, 5_000, "pending")
    books.sql("update transactions set resolve_due_at = now() where id = %s", changing)
    done = run(books)
    assert (done.compared, done.in_flight, done.found) == (0, 3, 0)
    books.sql("delete from unfinished_events where event_row_id = %s", event)
    books.sql("update refunds set state = 'failed' where id = %s", refund)
    books.sql("update transactions set resolve_due_at = null")
    assert run(books).recorded == 3
    event_of(books, with_event)
    books.sql("update transactions set captured = 140000 where id = %s", with_event)
    assert (run(books).gone, len(books.open())) == (0, 3)


def test_a_parked_event_does_not_hide_what_differs(books: Books):
    transaction_id = pay(books, ("l1", 140_000))
    event = event_of(books, transaction_id)
    park = "update unfinished_events set next_attempt_at = null, parked_until = now() where event_row_id = %s"
    books.sql(park, event)
    assert run(books).found == 1


def test_a_transaction_that_moved_since_it_was_read_is_left_to_the_next_run(
    books: Books, monkeypatch: pytest.MonkeyPatch
):
    transaction_id = pay(books, ("l1", 140_000))
    compare = settlement_matching.match_transaction

    def and_then_a_webhook_comes(*arguments: Any) -> list[Finding]:
        books.sql("update transactions set captured = 140000, version = 2 where id = %s", transaction_id)
        return compare(*arguments)

    monkeypatch.setattr(settlement_matching, "match_transaction", and_then_a_webhook_comes)
    done = run(books)
    assert (done.compared, done.in_flight, books.open()) == (0, 1, [])
    monkeypatch.undo()
    assert (run(books).found, books.open()) == (0, [])


def test_a_young_line_is_left_to_the_next_run(books: Books):
    now = MIDDAY + timedelta(minutes=5)
    pay(books, ("l1", 150_000), state="pending", captured=0)
    settle(books, line("l2", 150_000, Reference(ATTEMPT, str(UUID(int=9)))))
    assert run(books, now=now).found == 0
    assert run(books, now=now + timedelta(minutes=10)).recorded == 2
    assert [kind for kind, *_ in books.open()] == ["missing_internal", "status_mismatch"]


def test_lines_of_another_system_are_counted_and_not_reported(books: Books):
    settle(books, line("l1", 150_000, Reference("payment", "pay_of_others")), line("l2", 1, kind=LineKind.FEE, fee=0))
    done = run(books)
    assert (done.foreign, done.found) == (1, 1)
    assert [(kind, subject) for kind, subject, *_ in books.open()] == [("fee_mismatch", "line:l2")]


def test_money_on_an_account_that_does_not_hold_the_transaction_is_a_duplicate_there(books: Books):
    other = books.make_account("second")
    transaction_id = pay(books, ("l1", 150_000))
    books.sql("update transactions set account_id = %s where id = %s", other.id, transaction_id)
    run(books)
    assert books.open() == [("duplicate", "line:l1", 0, 150_000)]


def test_a_line_in_the_window_has_its_old_transaction_compared_with_all_of_its_lines(books: Books):
    old = MIDDAY - 60 * DAY
    transaction_id = books.pay(references=[payment(1)], created_at=old, refunded=5_000)
    settle(books, line("l1", 150_000, payment(1), occurred_at=old), line("l2", -4_000, payment(1)))
    assert run(books).compared == 1
    assert books.open() == [("amount_mismatch", f"transaction:{transaction_id}", -5_000, -4_000)]


def test_a_settled_line_that_is_told_otherwise_later_is_told_until_it_is_not(books: Books):
    transaction_id = books.pay(references=[payment(1)])
    told = line("l1", 150_000, payment(1))
    for amount, expected in (
        (150_000, []),
        (140_000, [("amount_mismatch", "line:l1", 150_000, 140_000)]),
        (150_000, []),
    ):
        settle(books, replace(told, amount=amount, net=amount - 4_000, paid_amount=amount))
        run(books)
        assert books.open() == expected
    assert books.rows("select transaction_id from discrepancies") == [{"transaction_id": transaction_id}]


def test_a_dry_run_tells_and_writes_no_discrepancy(books: Books):
    pay(books, ("l1", 140_000))
    told: list[Finding] = []
    done = run(books, dry_run=True, tell=told.append)
    assert (done.found, done.recorded, [(one.ours, one.theirs) for one in told]) == (1, 0, [(150_000, 140_000)])
    assert books.rows("select 1 from discrepancies") == []


def test_a_run_that_was_stopped_anywhere_goes_on_there(books: Books, monkeypatch: pytest.MonkeyPatch):
    """Chunk by chunk, each in a call of its own: the same report as in one."""
    monkeypatch.setattr(settlement_matching, "CHUNK_SIZE", 3)
    ids = books.pay_many(10)
    wrong = [line(f"l{n}", 150_000 + n % 2, payment(i), fee=0, net=150_000 + n % 2) for n, i in enumerate(ids)]
    unknown = [line(f"u{n}", 5_000, Reference(ATTEMPT, str(UUID(int=n + 1)))) for n in range(7)]
    settle(books, *wrong, *unknown)
    ticks: list[float] = []

    class Clock:
        @staticmethod
        def monotonic() -> float:
            ticks.append(0)
            return float(len(ticks))

    monkeypatch.setattr(settlement_matching, "time", Clock)
    run_id = books.run_id()
    after, calls, total = None, 0, Matched()
    while calls == 0 or after is not None:
        done = run(books, run_id=run_id, after=after, stop_at=len(ticks) + 1.5)
        after, calls, total = done.next, calls + 1, total + done
        assert calls < 100
    assert calls > 10
    assert (total.compared, total.found, total.recorded) == (10, 12, 12)
    assert len(books.open()) == 12
    for place in ("x", "lines 1", "lines 2026-01-01 x"):
        with pytest.raises(ValueError, match=r"."):
            run(books, after=place)


@pytest.mark.parametrize("size", [499, 500, 501, 1000])
def test_no_transaction_is_lost_between_chunks(books: Books, size: int):
    """All began at the same moment: their ids put them in order."""
    ids = books.pay_many(size)
    settle(books, *(line(f"l{n}", 150_000, payment(i)) for n, i in enumerate(ids) if n % 10))
    done = run(books)
    assert (done.compared, done.found, done.next) == (size, len(ids[::10]), None)
    assert {subject for _, subject, *_ in books.open()} == {f"transaction:{i}" for i in ids[::10]}


def injected(books: Books, size: int) -> tuple[Sequence[SettlementLine], set[tuple[str, str, int, int]]]:
    """Return lines of many transactions with each kind of difference in every twentieth or so, and what they are."""
    lines: list[SettlementLine] = []
    expected: set[tuple[str, str, int, int]] = set()
    for n, transaction_id in enumerate(books.pay_many(size)):
        subject, one = f"transaction:{transaction_id}", line(f"l{n}", 150_000, payment(transaction_id))
        if n % 19 == 0:
            expected.add(("missing_at_provider", subject, 150_000, 0))
            continue
        if n % 17 == 0:
            one = replace(one, amount=150_000 - n, net=146_000 - n, paid_amount=150_000 - n)
            expected.add(("amount_mismatch", subject, 150_000, 150_000 - n))
        elif n % 13 == 0:
            one = replace(one, paid_currency="USD", paid_amount=10)
            expected.add(("currency_mismatch", subject, 150_000, 0))
        if n % 11 == 0:
            one = replace(one, net=one.net + 7)
            expected.add(("fee_mismatch", f"line:{one.line_id}", one.net - 7, one.net))
        lines.append(one)
        if n % 7 == 0:
            again = replace(one, line_id=f"again{n}", occurred_at=one.occurred_at + timedelta(hours=1))
            lines.append(again)
            figure = again.amount if again.paid_currency == again.currency else 10
            expected.add(("duplicate", f"line:again{n}", 0, figure))
            if n % 11 == 0:
                expected.add(("fee_mismatch", f"line:again{n}", again.net - 7, again.net))
        if n % 23 == 0:
            lines.append(line(f"u{n}", n + 1, Reference(ATTEMPT, str(new_id()))))
            expected.add(("missing_internal", f"line:u{n}", 0, n + 1))
    return lines, expected


def test_in_5000_transactions_exactly_what_was_injected_is_found(books: Books):
    lines, expected = injected(books, 5_000)
    settle(books, *lines)
    first, second = books.run_id(), books.run_id()
    done = run(books, run_id=first)
    assert (done.compared, done.recorded) == (5_000, len(expected))
    assert set(books.open()) == expected
    again = run(books, run_id=second)
    assert (again.recorded, again.gone, again.found) == (0, 0, len(expected))
    assert books.rows("select count(*) as n from discrepancy_history") == [{"n": len(expected)}]
    assert books.rows("select distinct run_id, last_run_id from discrepancies") == [
        {"run_id": first, "last_run_id": second}
    ]


def test_two_runs_at_the_same_time_find_each_difference_once(books: Books):
    lines, expected = injected(books, 1_200)
    settle(books, *lines)
    failures: list[BaseException] = []

    def one() -> None:
        try:
            run(books)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(books.open()) == expected
    rows = books.rows("select count(*) as n, count(distinct discrepancy_id) as of from discrepancy_history")
    assert rows == [{"n": len(expected), "of": len(expected)}]


def test_memory_does_not_grow_with_the_books(books: Books):
    def peak(size: int) -> int:
        ids = books.pay_many(size)
        settle(books, *(line(f"{size} {n}", 150_000, payment(i)) for n, i in enumerate(ids)))
        tracemalloc.start()
        run(books)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(10)
    smaller = peak(600)
    assert peak(2_400) < 1.3 * smaller


def test_each_chunk_is_read_by_indexes(books: Books):
    """However much there is beside it."""
    ids = books.pay_many(3_000)
    settle(books, *(line(f"l{n}", 150_000, payment(i)) for n, i in enumerate(ids)))
    settle(books, *(line(f"u{n}", 150_000, Reference("payment", f"other{n}")) for n in range(1_000)))
    books.sql(
        "insert into transaction_events select t.id, gen_random_uuid() from transactions t, generate_series(1, 10)"
    )
    books.sql(
        "insert into unfinished_events (event_row_id, account_id, received_at, next_attempt_at)"
        " select event_row_id, %s, now(), now() from transaction_events where random() < 0.001",
        books.account.id,
    )
    tables = ("transactions", "settlement_lines", "transaction_history", "provider_references", "refunds")
    for table in (*tables, "transaction_events", "unfinished_events"):
        books.sql(f"analyze {table}")
    run(books)

    def work(uow: UnitOfWork) -> Explaining:
        explaining = Explaining(uow)
        matching = settlement_matching._Matching(
            books.account,
            new_id(),
            settlement_matching.Window(SINCE, UNTIL),
            SettlementMatching(parts_of(books))._scope(books.account),
            DryRun(new_id(), {}, frozenset()),
        )
        for step in (matching.resolve, matching.transactions, matching.lines):
            step(explaining, None)
        return explaining

    explained = books.database.run(work, deadline_s=30)
    assert len(explained.plans) >= 5
    for query, plan in explained.plans:
        assert not [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"], query
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 25_000, query
        # Of no table more than the chunk's own part: 500 transactions with ten events each.
        assert not [node for node in nodes(plan) if node["Actual Rows"] * node["Actual Loops"] > 6_000], query


def test_a_fee_that_is_not_as_agreed_is_told_and_gone_once_it_is_agreed_on(books: Books):
    pay(books, ("l1", 150_000))
    agreements = FeeAgreements(books.database)
    start = MIDDAY - DAY
    agreements.agree(books.account.id, FeeAgreement("IDR", start, FeeTerms(0, 3_000, 0, 0)), COMMAND)
    run(books)
    assert books.open() == [("fee_mismatch", "line:l1", -3_000, -4_000)]
    agreements.agree(books.account.id, FeeAgreement("IDR", start, FeeTerms(0, 4_000, 0, 0)), COMMAND)
    assert (run(books).gone, books.open()) == (1, [])
    agreements.agree(books.account.id, FeeAgreement("IDR", MIDDAY, FeeTerms(0, 0, 0, 0)), COMMAND)
    assert run(books).found == 1
    agreements.agree(books.account.id, FeeAgreement("IDR", MIDDAY, None), COMMAND)
    assert run(books).gone == 1
