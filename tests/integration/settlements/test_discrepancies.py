"""Discrepancies in the database: each once, whoever finds it how often, and every change with its history."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg2
import pytest

from paylink.core.discrepancies import Finding, FoundBy, Kind
from paylink.core.errors import AlreadyResolved, InvalidFields, NotFound
from paylink.core.reconciliation import BY_COMMAND
from paylink.services.discrepancies import Discrepancies
from paylink.store.discrepancies import (
    read_open_discrepancies,
    record_findings,
    resolve_gone,
    sum_discrepancies,
)
from paylink.store.ids import new_id
from paylink.store.pages import Page
from support.books import Books

FINDING = Finding(
    kind=Kind.AMOUNT_MISMATCH,
    subject="line:l1",
    difference="150000/140000",
    currency="IDR",
    ours=150_000,
    theirs=140_000,
    evidence={"ours": {"captured": 150_000}, "theirs": {"line_id": 'a "quoted" \\ name'}},
)


def record(books: Books, *findings: Finding, run_id: UUID | None = None, **options: Any) -> int:
    run = run_id or books.run_id()
    return books.database.run(lambda uow: record_findings(uow, books.account, run, findings, **options))


def gone(books: Books, run_id: UUID, *subjects: str, **options: Any) -> int:
    return books.database.run(lambda uow: resolve_gone(uow, run_id, books.account.id, subjects, list(Kind), **options))


def stored(books: Books) -> list[dict[str, Any]]:
    return books.rows("select * from discrepancies order by id")


def history(books: Books) -> list[tuple[Any, ...]]:
    rows = books.rows("select state, resolution, run_id, made_by, note from discrepancy_history order by id")
    return [tuple(row.values()) for row in rows]


def test_a_finding_is_stored_once_and_a_second_run_adds_nothing(books: Books):
    first, second = books.run_id(), books.run_id()
    assert record(books, FINDING, FINDING, run_id=first) == 1
    before = stored(books)
    assert record(books, FINDING, run_id=second) == 0
    after = stored(books)
    assert after == [before[0] | {"last_run_id": second}]
    assert (after[0]["drift"], after[0]["state"], after[0]["run_id"]) == (-10_000, "open", first)
    assert after[0]["evidence"] == FINDING.evidence
    assert history(books) == [("open", None, first, None, None)]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": Kind.DUPLICATE},
        {"subject": "line:l2"},
        {"difference": "x"},
        {"currency": "USD"},
        {"ours": 1},
        {"theirs": 1},
    ],
    ids=str,
)
def test_another_fingerprint_is_another_discrepancy(books: Books, change: dict[str, Any]):
    assert record(books, FINDING, replace(FINDING, **change)) == 2
    assert len(stored(books)) == 2


def test_the_same_finding_in_another_account_is_another_discrepancy(books: Books):
    record(books, FINDING)
    books.account = books.make_account("second")
    assert record(books, FINDING) == 1


def test_what_was_not_found_again_is_gone_and_opened_again_when_it_is_back(books: Books):
    runs = [books.run_id() for _ in range(4)]
    record(books, FINDING, run_id=runs[0])
    assert gone(books, runs[1], FINDING.subject) == 1
    assert gone(books, runs[2], FINDING.subject) == 0
    assert (stored(books)[0]["state"], stored(books)[0]["resolution"]) == ("resolved", "gone")
    assert record(books, FINDING, run_id=runs[3]) == 1
    row = stored(books)[0]
    assert (row["state"], row["resolution"], row["resolved_at"]) == ("open", None, None)
    assert history(books) == [
        ("open", None, runs[0], None, None),
        ("resolved", "gone", runs[1], None, None),
        ("open", None, runs[3], None, None),
    ]


def test_only_what_this_run_looked_for_by_the_same_means_is_gone(books: Books):
    run = books.run_id()
    other = replace(FINDING, subject="line:l2")
    by_lines = replace(FINDING, subject="line:l3", found_by=FoundBy.SETTLEMENT)
    record(books, FINDING, other, by_lines)
    record(books, FINDING, run_id=run)
    subjects = [FINDING.subject, by_lines.subject]
    assert gone(books, run, *subjects) == 0  # found again; not looked for; found by lines
    assert books.database.run(lambda uow: resolve_gone(uow, run, books.account.id, ["line:l2"], [Kind.DUPLICATE])) == 0
    assert books.database.run(lambda uow: resolve_gone(uow, run, new_id(), ["line:l2"], list(Kind))) == 0
    assert gone(books, run, *subjects, found_by=FoundBy.SETTLEMENT) == 1
    assert [row["state"] for row in stored(books)] == ["open", "open", "resolved"]


def test_a_repaired_one_is_stored_as_resolved_and_opened_again_when_it_shows_again(books: Books):
    run, later, last = books.run_id(), books.run_id(), books.run_id()
    assert record(books, FINDING, run_id=run, repaired=True) == 1
    assert (stored(books)[0]["state"], stored(books)[0]["resolution"]) == ("resolved", "repaired")
    assert record(books, FINDING, run_id=later) == 1
    assert stored(books)[0]["state"] == "open"
    assert record(books, FINDING, run_id=last, repaired=True) == 0
    assert (stored(books)[0]["state"], stored(books)[0]["resolution"]) == ("resolved", "repaired")
    assert [row[:3] for row in history(books)] == [
        ("resolved", "repaired", run),
        ("open", None, later),
        ("resolved", "repaired", last),
    ]


def test_what_a_person_has_accepted_stays_accepted(books: Books):
    record(books, FINDING)
    service = Discrepancies(books.database)
    discrepancy_id = stored(books)[0]["id"]
    shown = service.accept(discrepancy_id, " the shop knows ", BY_COMMAND)
    assert (shown["state"], shown["resolution"], shown["resolved_by"], shown["note"]) == (
        "resolved",
        "accepted",
        "command",
        "the shop knows",
    )
    assert [(step["state"], step["by"], step["note"]) for step in shown["history"]] == [
        ("open", None, None),
        ("resolved", "command", "the shop knows"),
    ]
    for repaired in (False, True):
        run = books.run_id()
        assert record(books, FINDING, run_id=run, repaired=repaired) == 0
        assert gone(books, books.run_id(), FINDING.subject) == 0
        assert (stored(books)[0]["resolution"], stored(books)[0]["last_run_id"]) == ("accepted", run)
    assert len(history(books)) == 2
    audit = books.rows("select action, made_by, subject_id, merchant_id from operator_audit")
    assert audit == [
        {
            "action": "discrepancy.accepted",
            "made_by": "command",
            "subject_id": discrepancy_id,
            "merchant_id": books.merchant_id,
        }
    ]


def test_what_cannot_be_accepted_is_refused_and_changes_nothing(books: Books):
    service = Discrepancies(books.database)
    record(books, FINDING)
    discrepancy_id = stored(books)[0]["id"]
    before = stored(books), history(books)
    for note in ("", "  ", "a\x00b", "x" * 1001, "\ud800"):
        with pytest.raises(InvalidFields):
            service.accept(discrepancy_id, note, BY_COMMAND)
    with pytest.raises(NotFound):
        service.accept(new_id(), "note", BY_COMMAND)
    assert (stored(books), history(books)) == before
    gone(books, books.run_id(), FINDING.subject)
    with pytest.raises(AlreadyResolved, match="did not find it any more"):
        service.accept(discrepancy_id, "note", BY_COMMAND)


@pytest.mark.parametrize("repaired", [False, True])
def test_what_is_resolved_is_not_accepted_a_second_time(books: Books, repaired: bool):
    """The first person's note stays, and the second is told so in a discrepancy's words, not a transaction's."""
    record(books, FINDING, repaired=repaired)
    service = Discrepancies(books.database)
    discrepancy_id = stored(books)[0]["id"]
    if not repaired:
        service.accept(discrepancy_id, "the first", BY_COMMAND)
    before = stored(books), history(books)
    with pytest.raises(AlreadyResolved, match="a run has applied" if repaired else "somebody has accepted") as refused:
        service.accept(discrepancy_id, "the second", BY_COMMAND)
    assert (refused.value.status, "transaction" in refused.value.title) == (409, False)
    assert (stored(books), history(books)) == before


def test_history_is_append_only(books: Books):
    record(books, FINDING)
    for statement in ("update discrepancy_history set note = 'x'", "delete from discrepancy_history"):
        with pytest.raises(psycopg2.errors.RestrictViolation):
            books.sql(statement)


def test_one_merchant_is_not_shown_anothers(books: Books):
    record(books, FINDING)
    discrepancy_id = stored(books)[0]["id"]
    service = Discrepancies(books.database)
    assert service.show(discrepancy_id, merchant_id=books.merchant_id)["id"] == str(discrepancy_id)
    with pytest.raises(NotFound):
        service.show(discrepancy_id, merchant_id=new_id())
    assert service.list_discrepancies(Page({"merchant_id": new_id()}))["discrepancies"] == []


def test_pages_lose_and_repeat_nothing_and_every_filter_narrows(books: Books):
    first, second = books.run_id(), books.run_id()
    old = [replace(FINDING, subject=f"line:{n}") for n in range(7)]
    record(books, *old, run_id=first)
    record(books, replace(FINDING, kind=Kind.DUPLICATE), run_id=second)
    record(books, old[0], run_id=second)
    gone(books, second, "line:1")
    service = Discrepancies(books.database)
    seen: list[str] = []
    cursor: UUID | None = None
    while True:
        page = service.list_discrepancies(Page({}, cursor, 3))
        seen += [one["id"] for one in page["discrepancies"]]
        if page["next_cursor"] is None:
            break
        cursor = UUID(page["next_cursor"])
    assert seen == [str(row["id"]) for row in reversed(stored(books))]
    for filters, count in (
        ({"kind": "duplicate"}, 1),
        ({"state": "resolved"}, 1),
        ({"state": "open", "kind": "amount_mismatch"}, 6),
        ({"run_id": first}, 7),
        ({"run_id": second}, 2),
        ({"provider": "none"}, 0),
        ({"currency": "IDR"}, 8),
        ({"currency": "USD"}, 0),
        ({"since": datetime.now(UTC) - timedelta(minutes=1), "state": "open"}, 7),
        ({"since": datetime.now(UTC) + timedelta(minutes=1)}, 0),
        ({"account_id": books.account.id}, 8),
        ({"transaction_id": new_id()}, 0),
    ):
        assert len(service.list_discrepancies(Page(filters))["discrepancies"]) == count, filters
    sums = books.database.run(lambda uow: sum_discrepancies(uow, run_id=first))
    told = [(row["kind"], row["state"], row["discrepancies"], row["ours"], row["theirs"], row["drift"]) for row in sums]
    assert told == [
        ("amount_mismatch", "open", 6, 900_000, 840_000, -60_000),
        ("amount_mismatch", "resolved", 1, 150_000, 140_000, -10_000),
    ]


def test_gauges_tell_what_is_open_by_currency_from_the_index_of_open_ones(books: Books):
    record(books, FINDING, replace(FINDING, subject="line:2"), replace(FINDING, subject="line:3", currency="USD"))
    record(books, *(replace(FINDING, subject=f"line:old{n}") for n in range(500)), repaired=True)
    books.sql("update discrepancies set opened_at = now() - interval '1 hour' where subject = 'line:2'")
    rows = books.database.run(read_open_discrepancies)
    told = [(row["provider"], row["account"], row["currency"], row["discrepancies"], row["drift"]) for row in rows]
    assert told == [("acme", "main", "IDR", 2, -20_000), ("acme", "main", "USD", 1, -10_000)]
    assert 3600 <= rows[0]["oldest_s"] < 3700
    assert 0 <= rows[1]["oldest_s"] < 100
    plan = "\n".join(
        row["QUERY PLAN"] for row in books.rows("explain " + books.database._queries["read_open_discrepancies"])
    )
    assert "discrepancies_open" in plan


def test_runs_at_the_same_time_store_each_finding_once(books: Books):
    """Two overlapping runs, in different orders: nothing is stored twice, and none fails."""
    findings = [replace(FINDING, subject=f"line:{n}") for n in range(200)]
    counts: list[int] = []
    failures: list[BaseException] = []

    def one(found: list[Finding]) -> None:
        try:
            counts.append(record(books, *found))
        except BaseException as exc:
            failures.append(exc)

    for _ in range(3):
        threads = [threading.Thread(target=one, args=(order,)) for order in (findings, findings[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert sum(counts) == len(findings) == len(stored(books)) == len(history(books))
