"""What an answer has shown of a transaction, beside its settlement lines, in a database of our own."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg2.extras import Json

from paylink.core.discrepancies import Finding, Kind
from paylink.core.foreseen import Foreseen
from paylink.core.reconciliation import BY_COMMAND
from paylink.providers.payments import Reference
from paylink.services.discrepancies import Discrepancies
from paylink.services.run_report import finding_body
from paylink.services.settlement_matching import Matched, SettlementMatching
from paylink.store.discrepancies import record_findings
from paylink.store.settlements import add_coverage, store_lines, try_lock_lines
from paylink.store.unit_of_work import UnitOfWork
from support.books import MIDDAY, Books, parts_of
from support.statements import line

DAY = timedelta(days=1)


def pay(books: Books, *amounts: int, state: str = "pending", captured: int = 0, **options: Any) -> UUID:
    """Make a transaction of version 1, and settle lines of these amounts of it."""
    name = Reference("payment", f"p{len(books.rows('select 1 from transactions'))}")
    transaction_id = books.pay(captured, state=state, references=[name], **options)

    def work(uow: UnitOfWork) -> None:
        assert try_lock_lines(uow, books.account.id)
        moments = [MIDDAY + timedelta(minutes=n) for n in range(len(amounts))]
        lines = [line(f"{name.value} {at}", n, name, occurred_at=at) for n, at in zip(amounts, moments, strict=True)]
        store_lines(uow, books.account.id, lines)
        add_coverage(uow, books.account.id, MIDDAY - 2 * DAY, MIDDAY + 30 * DAY)

    books.database.run(work)
    return transaction_id


def shown(
    transaction_id: UUID,
    difference: str,
    ours: int,
    theirs: int,
    after: Foreseen | None = None,
    *,
    kind: Kind = Kind.STATUS_MISMATCH,
    version: int = 1,
) -> Finding:
    """Return what an answer shows of a transaction of this version; with `after` it can be repaired."""
    version = version if after is None else after.version
    evidence: dict[str, object] = {"ours": {"captured": ours, "version": version}, "theirs": {"captured": theirs}}
    if after is not None:
        evidence["after"] = after.as_json()
    subject = f"transaction:{transaction_id}"
    return Finding(kind, subject, difference, "IDR", ours, theirs, evidence, transaction_id=transaction_id)


def record(books: Books, *findings: Finding, run_id: UUID | None = None) -> None:
    """Note what a run that repairs nothing has found in answers."""
    run_id = run_id or books.run_id()
    books.database.run(lambda uow: record_findings(uow, books.account, run_id, findings))


def accept(books: Books) -> None:
    """A person accepts all that is open."""
    for row in books.rows("select id from discrepancies where state = 'open'"):
        Discrepancies(books.database).accept(row["id"], "as it is", BY_COMMAND)


def match(books: Books, *, now: datetime = MIDDAY + 9 * DAY, **options: Any) -> Matched:
    matching = SettlementMatching(parts_of(books, now))
    run_id = options.pop("run_id", None) or books.run_id()
    return matching.match(books.account, run_id, MIDDAY - DAY, MIDDAY + 2 * DAY, **options)


def told_by_lines(books: Books) -> list[tuple[str, int]]:
    sql = "select kind, drift from discrepancies where found_by = 'settlement' and state = 'open' order by id"
    rows = books.rows(sql)
    return [(row["kind"], row["drift"]) for row in rows]


def tell_dry(books: Books, run_id: UUID, *findings: Finding, checked: int = 0, failed: int = 0) -> None:
    """Let a dry run have asked about the first of these transactions, and found this."""
    ids = [str(row["id"]) for row in books.rows("select id from transactions order by id")]
    books.sql(
        "insert into reconciliation_batches (run_id, number, account_id, provider, transaction_ids, position, failed,"
        " findings, state) values (%s, 1, %s, 'acme', %s::uuid[], %s, %s, %s, 'done')",
        *(run_id, books.account.id, ids, checked, failed, Json([finding_body(one) for one in findings])),
    )


def match_dry(books: Books, run_id: UUID) -> list[tuple[str, int]]:
    told: list[Finding] = []
    match(books, run_id=run_id, dry_run=True, tell=told.append)
    return sorted({(str(one.kind), one.drift) for one in told})
