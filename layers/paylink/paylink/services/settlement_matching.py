"""Settlement matching: an account's lines against our transactions, in chunks: memory does not grow with them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from paylink.core.discrepancies import Finding, FoundBy, Kind
from paylink.core.foreseen import foresee
from paylink.core.matching import check_line, match_transaction, unknown_line
from paylink.core.statements import CHARGEBACK, PAYMENT, REFUND, OurTransaction, Scope, TheirLine
from paylink.providers.port import Account
from paylink.services.ports import Parts
from paylink.store.discrepancies import record_findings, resolve_gone
from paylink.store.fees import read_agreements
from paylink.store.matches import (
    Match,
    Position,
    Window,
    list_lines,
    list_moved,
    list_transactions,
    read_matches,
    resolve_lines,
    their_line,
)
from paylink.store.settlements import read_coverage
from paylink.store.told import DryRun, Told, list_told_by_status, read_dry_run
from paylink.store.unit_of_work import Row, UnitOfWork

CHUNK_SIZE = 500
GRACE = timedelta(minutes=10)
"""So young a line may tell what a webhook is about to tell."""
_WITHIN_S = 10.0
_OF_OUR_SIDE = frozenset({Kind.STATUS_MISMATCH, Kind.AMOUNT_MISMATCH})
"""What an answer shows in these kinds is a difference from what we held when it came."""


@dataclass(frozen=True)
class Matched:
    """
    How far matching came: transactions that were compared, those that were in flight, lines that belong to another
    system, findings in all, those that are new or open again, and discrepancies that are gone. `next`: where to go on
    when the time did not do; None at the end.
    """

    compared: int = 0
    in_flight: int = 0
    foreign: int = 0
    found: int = 0
    recorded: int = 0
    gone: int = 0
    next: str | None = None

    def __add__(self, other: "Matched") -> "Matched":
        names = ("compared", "in_flight", "foreign", "found", "recorded", "gone")
        return Matched(**{name: getattr(self, name) + getattr(other, name) for name in names}, next=other.next)


class SettlementMatching:
    def __init__(self, parts: Parts, *, grace: timedelta = GRACE) -> None:
        self._parts = parts
        self._grace = grace

    def match(
        self,
        account: Account,
        run_id: UUID,
        since: datetime,
        until: datetime,
        *,
        stop_at: float = float("inf"),
        after: str | None = None,
        dry_run: bool = False,
        tell: Callable[[Finding], None] | None = None,
    ) -> Matched:
        """
        Compare transactions with all lines of them that are stored: those that began in [since, until), and those of
        lines that occurred in it. Record what differs, and resolve what differs no more.

        Works until `stop_at` (monotonic); call again with `after` = `next` for the rest. With `dry_run` no discrepancy
        is written. `tell` is called with each finding; one may be told twice.

        Raises:
            StorageUnavailable: The database cannot answer. Doing again what was done before changes nothing.
            ValueError: `after` is no place that this method told.
        """
        dry = self._dry_run(account, run_id) if dry_run else None
        matching = _Matching(account, run_id, Window(since, until), self._scope(account), dry)
        steps = {"resolve": matching.resolve, "transactions": matching.transactions, "lines": matching.lines}
        phases = list(steps)
        phase, position = _place(after) if after else (phases[0], None)
        done = Matched()
        while time.monotonic() < stop_at:
            chunk = self._parts.database.run(partial(steps[phase], after=position), deadline_s=_WITHIN_S)
            done += chunk.matched
            if tell is not None:
                for finding in chunk.findings:
                    tell(finding)
            position = chunk.next
            if position is None:
                if phase == phases[-1]:
                    return replace(done, next=None)
                phase = phases[phases.index(phase) + 1]
        return replace(done, next=_told(phase, position))

    def _scope(self, account: Account) -> Scope:
        capabilities = self._parts.enabled(account.provider).capabilities
        delay = timedelta(seconds=capabilities.settlement_delay_s)

        def work(uow: UnitOfWork) -> Scope:
            covered = read_coverage(uow, account.id)
            return Scope(self._parts.now(), delay, covered, self._grace, read_agreements(uow, account.id))

        return self._parts.database.run(work)

    def _dry_run(self, account: Account, run_id: UUID) -> DryRun:
        return self._parts.database.run(lambda uow: read_dry_run(uow, account.id, run_id), deadline_s=_WITHIN_S)


@dataclass(frozen=True)
class _Chunk:
    """What one transaction of the database did, and where the next chunk begins; None at the end of its phase."""

    next: Position | None
    findings: Sequence[Finding] = ()
    matched: Matched = Matched()


@dataclass(frozen=True)
class _Matching:
    """One account in one run. Each method does one chunk. `dry`: what it was answered, where it writes nothing."""

    account: Account
    run_id: UUID
    window: Window
    scope: Scope
    dry: DryRun | None

    def resolve(self, uow: UnitOfWork, after: Position | None) -> _Chunk:
        return _Chunk(resolve_lines(uow, self.account.id, self.window, after, CHUNK_SIZE))

    def transactions(self, uow: UnitOfWork, after: Position | None) -> _Chunk:
        rows, position = list_transactions(uow, self.account.merchant_id, self.window, after, CHUNK_SIZE)
        held = [row["id"] for row in rows if row["account_id"] == self.account.id]
        return replace(self._compare(uow, held), next=position)

    def lines(self, uow: UnitOfWork, after: Position | None) -> _Chunk:
        """Lines of transactions that began outside of the window or are held elsewhere, and lines of no transaction."""
        rows, position = list_lines(uow, self.account.id, self.window, after, CHUNK_SIZE)
        others = [row["transaction_id"] for row in rows if row["transaction_id"] and not self._is_done(row)]
        chunk = self._compare(uow, list(dict.fromkeys(others)))
        findings: list[Finding] = []
        subjects: list[str] = []
        foreign = 0
        for line in [their_line(row) for row in rows if row["transaction_id"] is None]:
            unknown = unknown_line(line)
            if unknown is None and line.kind in (PAYMENT, REFUND, CHARGEBACK):
                foreign += 1
            elif self.scope.is_young(line):
                continue
            else:
                findings += ([unknown] if unknown else []) + check_line(line, self.scope)
            subjects.append(f"line:{line.line_id}")
        own = replace(self._write(uow, findings, subjects), foreign=foreign)
        return _Chunk(position, [*chunk.findings, *findings], chunk.matched + own)

    def _compare(self, uow: UnitOfWork, ids: Sequence[UUID]) -> _Chunk:
        """Compare transactions with their lines. Of one in flight nothing is said, nor that anything is gone."""
        if not ids:
            return _Chunk(None)
        scope = self.scope
        matches = read_matches(uow, self.account.id, ids)
        told = self._told(uow, matches)
        quiet = [match for match in matches if not match.in_flight and not any(map(scope.is_young, match.lines))]
        sides = [(match, self._beside(match, told[match.ours.id])) for match in quiet]
        compared = [(match, match_transaction(ours, match.lines, scope), shown) for match, (ours, shown) in sides]
        moved = list_moved(uow, quiet)
        still = [one for one in compared if one[0].ours.id not in moved]
        findings = [one for match, found, shown in still for one in _untold(found, shown, match.lines)]
        written = self._write(uow, findings, [subject for match, *_ in still for subject in _subjects(match)])
        counted = replace(written, compared=len(still), in_flight=len(matches) - len(still))
        return _Chunk(None, findings, counted)

    def _told(self, uow: UnitOfWork, matches: Sequence[Match]) -> Mapping[UUID, Sequence[Told]]:
        ids = [match.ours.id for match in matches]
        known = list_told_by_status(uow, self.account.id, ids)
        if self.dry is not None:
            known = self.dry.instead_of(known, ids)
        told: dict[UUID, list[Told]] = {transaction_id: [] for transaction_id in ids}
        for one in known:
            told[one.transaction_id].append(one)
        return told

    def _beside(self, match: Match, told: Sequence[Told]) -> tuple[OurTransaction, Sequence[Told]]:
        """
        Return with what lines are compared, and of which answers they may tell the same: what we hold once it is
        repaired, where that can be foreseen. What was accepted nobody takes back, so only this run's answer shows that
        it still holds.
        """
        holding = _holding(told, match.version)
        for one in holding:
            if one.foreseen is not None and (not one.accepted or one.run_id == self.run_id):
                then = foresee(match.ours, one.foreseen, self.scope.now)
                return (match.ours, holding) if then is None else (then, [o for o in holding if o.foreseen is None])
        return match.ours, holding

    def _write(self, uow: UnitOfWork, findings: Sequence[Finding], subjects: Sequence[str]) -> Matched:
        """Record findings, and resolve what is known of these subjects and was not found again."""
        recorded = gone = 0
        if subjects and self.dry is None:
            recorded = record_findings(uow, self.account, self.run_id, findings)
            by = FoundBy.SETTLEMENT
            gone = resolve_gone(uow, self.run_id, self.account.id, subjects, tuple(Kind), found_by=by)
        return Matched(found=len(findings), recorded=recorded, gone=gone)

    def _is_done(self, row: Row) -> bool:
        return row["held_by"] == self.account.id and row["transaction_created_at"] in self.window


def _holding(told: Sequence[Told], version: int) -> list[Told]:
    """
    Return what holds of a transaction that is at this version. Another state or amount is one beside our side as it was
    then; and of two runs that were shown at this version what can be repaired, the newer knows.
    """
    newest = max((one.run_id for one in told if one.foreseen and one.version == version), default=None)
    return [
        one
        for one in told
        if one.kind not in _OF_OUR_SIDE or (one.version == version and (not one.foreseen or one.run_id == newest))
    ]


def _untold(findings: Sequence[Finding], told: Sequence[Told], lines: Sequence[TheirLine]) -> list[Finding]:
    """
    Leave out what the provider's answer shows, too: the same money of the same transaction is told once. What a bank
    took back is in no answer's figures.
    """
    shown = sorted(told, key=lambda one: one.kind in _OF_OUR_SIDE)
    chargebacks = {line.id for line in lines if line.kind == CHARGEBACK}
    left = []
    for finding in findings:
        same = next((one for one in shown if _is_same(finding, one)), None)
        if same is None or finding.line_id in chargebacks:
            left.append(finding)
        else:
            shown.remove(same)
    return left


def _is_same(finding: Finding, told: Told) -> bool:
    """Lines may tell another state or amount in any kind, fees but; all else in its own."""
    if not finding.drift or (finding.currency, finding.drift) != (told.currency, told.drift):
        return False
    if told.kind in _OF_OUR_SIDE:
        return finding.kind is not Kind.FEE_MISMATCH
    # A payment of which a line tells is not one that the provider does not know.
    return finding.kind == told.kind and (told.kind != Kind.MISSING_AT_PROVIDER or finding.line_id is None)


def _subjects(match: Match) -> list[str]:
    refunds = [f"refund:{refund.id}" for refund in match.ours.refunds]
    return [match.ours.subject, *refunds, *(f"line:{line.line_id}" for line in match.lines)]


def _place(told: str) -> tuple[str, Position | None]:
    phase, *rest = told.split(" ")
    if phase not in ("resolve", "transactions", "lines") or len(rest) not in (0, 2):
        raise ValueError("not a place in a matching")
    return phase, (datetime.fromisoformat(rest[0]), UUID(rest[1])) if rest else None


def _told(phase: str, position: Position | None) -> str:
    return phase if position is None else f"{phase} {position[0].isoformat()} {position[1]}"
