"""Settlement lines in the database: each once, settled figures kept, a file whole or not at all."""

import hashlib
import io
import threading
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from paylink.core.errors import NotSupported, Overloaded
from paylink.providers.payments import ATTEMPT, Reference
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.providers.settlements import LineKind, SettlementLine, UnreadableFile
from paylink.services.settlements import CHUNK_SIZE, Covers, Imported, Settlements
from paylink.store.settlements import read_coverage, try_lock_lines
from paylink.store.unit_of_work import UnitOfWork
from support.books import MIDDAY, Books, parts_of
from support.statements import Statement, exported, line

SOON = 30.0


@pytest.fixture
def statement() -> Statement:
    return Statement()


@pytest.fixture
def settlements(books: Books, statement: Statement) -> Settlements:
    return Settlements(parts_of(books), statement)


def bring(settlements: Settlements, books: Books, *lines: SettlementLine, **options: Any) -> Imported:
    return settlements.import_file(books.account, io.BytesIO(exported(lines)), "march.csv", "command", **options)


def stored(books: Books) -> dict[str, dict[str, Any]]:
    return {row["line_id"]: row for row in books.rows("select * from settlement_lines order by line_id")}


def coverage(books: Books) -> tuple[tuple[datetime, datetime], ...]:
    return books.database.run(lambda uow: read_coverage(uow, books.account.id))


def test_a_line_is_stored_as_it_is_told(books: Books, settlements: Settlements):
    told = line(
        'a "b" \\ {c}',
        150_000,
        Reference(ATTEMPT, "x,y"),
        Reference("payment", 'null"'),
        paid_amount=1_000,
        paid_currency="USD",
        payout="po_1",
        settled=False,
    )
    assert (bring(settlements, books, told).added, bring(settlements, books, told).unchanged) == (1, 1)
    row = stored(books)['a "b" \\ {c}']
    assert (row["reference_kinds"], row["reference_values"]) == ([ATTEMPT, "payment"], ["x,y", 'null"'])
    for name in ("kind", "amount", "currency", "fee", "net", "paid_amount", "paid_currency", "settled", "payout"):
        assert row[name] == getattr(told, name), name
    assert row["occurred_at"] == told.occurred_at
    assert (row["transaction_id"], row["contradiction"]) == (None, None)


def test_the_same_file_again_adds_nothing_and_is_noted(books: Books, settlements: Settlements):
    lines = [line(f"l{n}", 1000 + n) for n in range(20)]
    first = bring(settlements, books, *lines)
    before = stored(books)
    second = bring(settlements, books, *lines)
    assert (first.read, first.added, first.changed, first.unchanged) == (20, 20, 0, 0)
    assert (second.read, second.added, second.changed, second.unchanged) == (20, 0, 0, 20)
    assert stored(books) == before
    rows = books.rows("select file_name, sha256, read, added, changed, imported_by from settlement_imports order by id")
    digest = hashlib.sha256(exported(lines)).digest()
    assert [(bytes(row["sha256"]), row["read"], row["added"]) for row in rows] == [(digest, 20, 20), (digest, 20, 0)]
    assert (rows[0]["file_name"], rows[0]["imported_by"]) == ("march.csv", "command")
    assert {row["import_id"] for row in before.values()} == {first.import_id}


def test_an_announced_line_takes_its_new_figures_until_it_is_settled(books: Books, settlements: Settlements):
    announced = line("l1", settled=False)
    bring(settlements, books, announced)
    settled = replace(announced, settled=True, payout="po_1", net=146_000)
    for told in (replace(announced, fee=5_000, net=145_000), settled):
        assert bring(settlements, books, told).changed == 1
        row = stored(books)["l1"]
        for name in ("fee", "net", "settled", "payout"):
            assert row[name] == getattr(told, name), name
        assert row["contradiction"] is None


def test_a_settled_line_keeps_its_figures_and_the_other_ones_are_told(books: Books, settlements: Settlements):
    settled = line("l1")
    bring(settlements, books, settled)
    other = replace(settled, amount=140_000, net=136_000, paid_amount=140_000)
    assert (bring(settlements, books, other).changed, bring(settlements, books, other).changed) == (1, 0)
    row = stored(books)["l1"]
    assert (row["amount"], row["net"], row["paid_amount"]) == (150_000, 146_000, 150_000)
    assert row["contradiction"]["amount"] == 140_000
    # An older reading, from before it was settled, is no contradiction.
    assert bring(settlements, books, replace(other, settled=False)).changed == 0
    assert bring(settlements, books, settled).changed == 1
    assert stored(books)["l1"]["contradiction"] is None


def test_a_settled_line_learns_its_payout_and_what_was_not_told_before(books: Books, settlements: Settlements):
    bring(settlements, books, line("l1", paid_amount=None, paid_currency=None))
    later = line("l1", 150_000, Reference("payment", "p1"), payout="po_1")
    assert (bring(settlements, books, later).changed, bring(settlements, books, later).changed) == (1, 0)
    row = stored(books)["l1"]
    assert (row["payout"], row["paid_amount"], row["reference_values"]) == ("po_1", 150_000, ["p1"])
    assert row["contradiction"] is None
    assert bring(settlements, books, replace(later, payout=None)).changed == 0
    assert stored(books)["l1"]["payout"] == "po_1"


def test_accounts_have_their_own_lines(books: Books, settlements: Settlements):
    bring(settlements, books, line("l1"))
    books.account = books.make_account("second")
    assert bring(settlements, books, line("l1")).added == 1


@pytest.mark.parametrize("size", [CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE + 1])
def test_no_line_is_lost_between_chunks(books: Books, settlements: Settlements, size: int):
    lines = [line(f"l{n}", n + 1) for n in range(size)]
    assert bring(settlements, books, *lines).added == size
    told = books.rows("select count(*) as n, sum(amount) as total from settlement_lines")[0]
    assert (told["n"], told["total"]) == (size, size * (size + 1) // 2)
    assert bring(settlements, books, *lines).unchanged == size


def test_a_row_that_stands_twice_in_a_file_is_one_line(books: Books, settlements: Settlements):
    brought = bring(settlements, books, line("l1"), line("l2"), line("l1"))
    assert (brought.read, brought.added, brought.changed, brought.unchanged) == (3, 2, 0, 1)


@pytest.mark.parametrize("broken", [0, CHUNK_SIZE // 2, CHUNK_SIZE + 5])
def test_a_file_that_cannot_be_read_to_its_end_brings_nothing(books: Books, settlements: Settlements, broken: int):
    rows = exported(line(f"l{n}") for n in range(CHUNK_SIZE + 10)).splitlines(keepends=True)
    rows[broken] = b"not a row\n"
    with pytest.raises(UnreadableFile, match=f"row {broken + 1}: column amount"):
        settlements.import_file(books.account, io.BytesIO(b"".join(rows)), "broken.csv", "command")
    assert (stored(books), coverage(books), books.rows("select * from settlement_imports")) == ({}, (), [])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"line_id": ""}, "name is empty"),
        ({"line_id": "x" * 501}, "longer than 500"),
        ({"line_id": "a\x00b"}, "cannot be printed"),
        ({"payout": "a\nb"}, "cannot be printed"),
        ({"references": (Reference("payment", "a\x00"),)}, "cannot be printed"),
        ({"currency": "idr"}, "three upper-case"),
        ({"paid_currency": "US"}, "three upper-case"),
    ],
    ids=str,
)
def test_a_line_that_cannot_be_stored_is_refused_by_its_number(
    books: Books, settlements: Settlements, changes: dict[str, Any], says: str
):
    with pytest.raises(UnreadableFile, match=f"line 2 of those in the file: .*{says}"):
        bring(settlements, books, line("l1"), replace(line("l2"), **changes))
    assert stored(books) == {}


class Broken(io.BytesIO):
    """Its disk fails in the middle of it."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 400_000:
            raise OSError("input/output error")
        return super().read(size)


def test_a_crash_between_chunks_leaves_nothing_and_the_file_can_be_imported_again(
    books: Books, settlements: Settlements
):
    lines = [line(f"l{n}", 150_000, Reference("payment", "x" * 50)) for n in range(3 * CHUNK_SIZE)]
    assert len(exported(lines)) > 800_000
    with pytest.raises(OSError, match="input/output"):
        settlements.import_file(books.account, Broken(exported(lines)), "march.csv", "command")
    assert stored(books) == {}
    assert bring(settlements, books, *lines).added == len(lines)


def test_a_connection_that_dies_between_chunks_has_the_file_read_anew(
    books: Books, settlements: Settlements, statement: Statement, monkeypatch: pytest.MonkeyPatch
):
    """The pool's connection had died idle, or dies in the middle: all lines are stored once."""
    lines = [line(f"l{n}") for n in range(2 * CHUNK_SIZE)]
    bring(settlements, books, line("warm"))
    killed = []
    read_lines = statement.read_lines

    def dying(account: Any, texts: Any) -> Iterator[SettlementLine]:
        for number, one in enumerate(read_lines(account, texts)):
            if number == CHUNK_SIZE + 5 and not killed:
                killed.append(books.rows(KILL_OTHERS))
            yield one

    monkeypatch.setattr(statement, "read_lines", dying)
    brought = bring(settlements, books, *lines)
    assert killed
    assert (brought.added, len(stored(books))) == (len(lines), len(lines) + 1)


KILL_OTHERS = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
)


def test_lines_of_an_account_are_stored_by_one_at_a_time(books: Books, settlements: Settlements):
    holding, done = threading.Event(), threading.Event()

    def hold(uow: UnitOfWork) -> None:
        assert try_lock_lines(uow, books.account.id)
        holding.set()
        done.wait(20)

    thread = threading.Thread(target=books.database.run, args=(hold,), kwargs={"deadline_s": 30.0})
    thread.start()
    assert holding.wait(20)
    with pytest.raises(Overloaded, match="acme/main"):
        bring(settlements, books, line("l1"))
    done.set()
    thread.join()
    assert bring(settlements, books, line("l1")).added == 1


def test_memory_does_not_grow_with_a_file(books: Books, settlements: Settlements):
    class Long(io.BytesIO):
        """Is made while it is read."""

        def __init__(self, size: int) -> None:
            super().__init__()
            self._size = size

        def seek(self, offset: int, whence: int = 0, /) -> int:
            self._rest, self._rows = b"", (exported([line(f"l{n}")]) for n in range(self._size))
            return 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            while len(self._rest) < size and (row := next(self._rows, None)):
                self._rest += row
            piece, self._rest = self._rest[:size], self._rest[size:]
            return piece

    def peak(size: int) -> int:
        tracemalloc.start()
        settlements.import_file(books.account, Long(size), "long.csv", "command")
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(CHUNK_SIZE)
    assert peak(5 * CHUNK_SIZE) < 1.5 * peak(2 * CHUNK_SIZE)


def test_a_file_covers_the_time_from_its_first_line_to_its_last_unless_told_otherwise(
    books: Books, settlements: Settlements
):
    hour = timedelta(hours=1)
    late, early = line("l1", occurred_at=MIDDAY + hour), line("l2", occurred_at=MIDDAY)
    bring(settlements, books, late, early, covers=Covers(whole=False))
    assert coverage(books) == ()
    bring(settlements, books, late, early)
    assert coverage(books) == ((MIDDAY, MIDDAY + hour + timedelta(microseconds=1)),)
    bring(settlements, books, late, covers=Covers(since=MIDDAY + hour, until=MIDDAY + 2 * hour))
    bring(settlements, books, covers=Covers(since=MIDDAY + 4 * hour, until=MIDDAY + 5 * hour))
    bring(settlements, books)
    assert coverage(books) == ((MIDDAY, MIDDAY + 2 * hour), (MIDDAY + 4 * hour, MIDDAY + 5 * hour))


def test_a_list_is_pulled_page_by_page_and_covers_its_time_at_its_end(
    books: Books, settlements: Settlements, statement: Statement
):
    statement.lines = [line(f"l{n}") for n in range(250)]
    statement.fails["200"] = ProviderError(ErrorKind.UNAVAILABLE, "timeout", effect=Effect.NOTHING)
    since, until = MIDDAY - timedelta(days=1), MIDDAY + timedelta(days=1)
    with pytest.raises(ProviderError):
        settlements.pull(books.account, since, until, stop_at=time.monotonic() + SOON)
    assert (len(stored(books)), coverage(books)) == (200, ())
    pulled = settlements.pull(books.account, since, until, stop_at=time.monotonic() + SOON)
    assert (pulled.read, pulled.added, pulled.complete, pulled.next) == (250, 50, True, None)
    assert (len(stored(books)), coverage(books)) == (250, ((since, until),))


def test_a_pull_that_ran_out_of_time_goes_on_where_it_stopped(
    books: Books, settlements: Settlements, statement: Statement
):
    statement.lines = [line(f"l{n}") for n in range(250)]
    since, until = MIDDAY - timedelta(days=1), MIDDAY + timedelta(days=1)
    nothing = settlements.pull(books.account, since, until, stop_at=time.monotonic())
    assert (nothing.complete, nothing.next, statement.asked, coverage(books)) == (False, None, [], ())
    rest = settlements.pull(books.account, since, until, stop_at=time.monotonic() + SOON, after="200")
    assert (rest.added, rest.complete, statement.asked) == (50, True, ["200"])
    assert coverage(books) == ((since, until),)


def test_a_page_with_a_line_that_cannot_be_stored_is_no_answer(
    books: Books, settlements: Settlements, statement: Statement
):
    statement.lines = [line("l1"), line("l2", currency="Rp")]
    with pytest.raises(ProviderError, match="unreadable_answer"):
        settlements.pull(books.account, MIDDAY, MIDDAY + timedelta(days=1), stop_at=time.monotonic() + SOON)
    assert (stored(books), coverage(books)) == ({}, ())


def test_a_provider_without_lines_is_refused(books: Books, settlements: Settlements):
    other = replace(books.account, provider="other")
    with pytest.raises(NotSupported, match="files of other"):
        settlements.import_file(other, io.BytesIO(), "x", "command")
    with pytest.raises(NotSupported, match="other does not list"):
        settlements.pull(other, MIDDAY, MIDDAY, stop_at=time.monotonic() + SOON)


def test_fees_and_payouts_are_lines_too(books: Books, settlements: Settlements):
    kinds = list(LineKind)
    bring(settlements, books, *(line(kind, -5 - n, kind=kind) for n, kind in enumerate(kinds)))
    assert {name: row["kind"] for name, row in stored(books).items()} == {kind: kind for kind in kinds}
