"""The settlement part of a reconciliation run: get an account's newest lines, then match what is stored."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from paylink.core.discrepancies import Finding
from paylink.core.errors import NotSupported, Overloaded
from paylink.core.reconciliation import Repair
from paylink.providers.port import ErrorKind, ProviderError
from paylink.services.batch_outcome import LEASE_S, LIMITED_WAIT_S, Outcome, with_findings
from paylink.services.ports import Parts
from paylink.services.settlement_matching import SettlementMatching
from paylink.services.settlements import Readers, Settlements
from paylink.store import reconciliation as runs
from paylink.store.reconciliation import Batch, LeaseLost
from paylink.store.settlements import read_coverage

SLICE_S = 10.0
"""So long a batch is worked at before it is noted how far it is."""
AGAIN = timedelta(days=3)
"""What was pulled in the last days is pulled again: lines change until they are settled."""

_PULL, _MATCH = "pull", "match"


class SettlementWork:
    def __init__(self, parts: Parts, readers: Readers) -> None:
        self._parts = parts
        self._settlements = Settlements(parts, readers)
        self._readers = readers
        self._matching = SettlementMatching(parts)

    def work_at(self, batch: Batch, stop_at: float) -> Outcome:
        """Work at a batch whose lease is ours, as far as it goes."""
        try:
            while time.monotonic() < stop_at:
                phase, _, after = (batch.place or _PULL).partition(" ")
                slice_ends = min(stop_at, time.monotonic() + SLICE_S)
                batch, wait_s = (self._pull if phase == _PULL else self._match)(batch, after or None, slice_ends)
                state = "due" if batch.place is not None else "given_up" if batch.error else "done"
                lease_s = LEASE_S if wait_s is None else wait_s
                self._save(batch, lease_s, state)
                if batch.place is None:
                    return Outcome.DONE
                if wait_s is not None:
                    return Outcome.LIMITED
            self._save(batch, 0, "due")
        except LeaseLost:
            return Outcome.LOST
        return Outcome.TIME

    def _save(self, batch: Batch, lease_s: float, state: str) -> None:
        self._parts.database.run(lambda uow: runs.save_batch(uow, batch, lease_s=lease_s, state=state))

    def _pull(self, batch: Batch, after: str | None, slice_ends: float) -> tuple[Batch, float | None]:
        """A provider that does not answer leaves the lines as they are: what is stored is matched all the same."""
        begin, end = batch.times
        account = self._parts.accounts.get(batch.account_id)
        matching = replace(batch, place=_MATCH)
        if batch.repair is Repair.DRY or self._readers.api(batch.provider) is None:
            return matching, None
        covered = self._parts.database.run(lambda uow: read_coverage(uow, account.id), one_statement=True)
        known_to = max((known[1] for known in covered if known[0] <= begin < known[1]), default=begin)
        since = max(begin, min(known_to, end) - AGAIN)
        try:
            pulled = self._settlements.pull(account, since, end, stop_at=slice_ends, after=after)
        except Overloaded:
            return batch, LIMITED_WAIT_S
        except ProviderError as exc:
            if exc.kind is ErrorKind.RATE_LIMITED and batch.stalls < runs.STALLS_MAX:
                return replace(batch, stalls=batch.stalls + 1), LIMITED_WAIT_S
            return replace(matching, error=exc.code), None
        except NotSupported:
            return matching, None
        if pulled.complete:
            return replace(matching, stalls=0), None
        if pulled.next == after and batch.stalls >= runs.STALLS_MAX:
            return replace(matching, error="rate_limited"), None
        stalls = batch.stalls + 1 if pulled.next == after else 0
        place = _PULL if pulled.next is None else f"{_PULL} {pulled.next}"
        return replace(batch, place=place, stalls=stalls), LIMITED_WAIT_S if stalls else None

    def _match(self, batch: Batch, after: str | None, slice_ends: float) -> tuple[Batch, float | None]:
        begin, end = batch.times
        found: list[Finding] = []
        dry = batch.repair is Repair.DRY
        tell: Callable[[Finding], None] | None = found.append if dry else None
        matched = self._matching.match(
            self._parts.accounts.get(batch.account_id),
            batch.run_id,
            begin,
            end,
            stop_at=slice_ends,
            after=after,
            dry_run=dry,
            tell=tell,
        )
        place = None if matched.next is None else f"{_MATCH} {matched.next}"
        return replace(with_findings(batch, found), place=place), None
