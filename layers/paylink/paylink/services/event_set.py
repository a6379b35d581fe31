"""A set of signed events written in one transaction: what needs no answer of a provider."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from paylink.providers.payments import ProviderEvent, Reference, attempt_of
from paylink.services.evidence import Claim, Effect, weigh_evidence
from paylink.store import transactions as tx
from paylink.store import webhooks
from paylink.store.changes import Change, Proof, write_changes
from paylink.store.references import Names, add_references, find_by_references, in_account, lock_references
from paylink.store.unit_of_work import UnitOfWork
from paylink.store.webhooks import ClaimedEvent, Ending

Read = Callable[[ClaimedEvent], ProviderEvent | None]
"""What an event says in our terms; None when it needs a closer look."""


class _Told(NamedTuple):
    event: ClaimedEvent
    says: ProviderEvent


@dataclass
class HeldAlerts:
    """Keeps alerts until it is clear that what they tell of is written."""

    held: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def alert(self, kind: str, **facts: object) -> None:
        self.held.append((kind, facts))


@dataclass
class SetWritten:
    """
    What became of a set: the events that have their outcome now, how long each of them had waited, with its provider,
    those that were parked until now, and alerts.
    """

    ended: dict[UUID, Ending] = field(default_factory=dict)
    waits: list[tuple[str, float]] = field(default_factory=list)
    woken: list[UUID] = field(default_factory=list)
    alerts: HeldAlerts = field(default_factory=HeldAlerts)


def write_set(uow: UnitOfWork, event_row_ids: Sequence[UUID], read: Read) -> SetWritten:
    """
    Give events their outcome, in the order of their arrival; several may speak of one transaction.

    Those that do not end here are to be worked at one by one: tried before, in need of a pull, to be parked, or naming
    several transactions. Their own work is locked first, by skipping what others hold, and so nobody waits for it in
    turn; then references, then transactions, in the one order of all.
    """
    written = SetWritten()
    fresh = webhooks.lock_fresh_events(uow, event_row_ids)
    told = [_Told(e, says) for e in fresh if (says := read(e)) is not None]
    found = find_by_references(uow, [name for one in told for name in _names(one)])
    matched: list[tuple[_Told, UUID | None]] = []
    for one in told:
        transaction_ids = {found[name] for name in _names(one) if name in found}
        if len(transaction_ids) == 1 or (not transaction_ids and _outcome_without_transaction(one) is not None):
            matched.append((one, next(iter(transaction_ids), None)))
    moving = [(one, t) for one, t in matched if t is not None and _outcome_without_transaction(one) is None]
    new_names = {name: t for one, t in moving for name in _names(one) if name not in found}
    lock_references(uow, list(new_names))
    transactions = tx.lock_transactions(uow, {t for _, t in moving})
    endings: list[Ending] = []
    changes: list[Change] = []
    kept: dict[tuple[UUID, Reference], UUID] = {}
    for one, transaction_id in matched:
        event, says = one
        reason = _outcome_without_transaction(one)
        if reason is not None or transaction_id is None:
            endings.append(Ending(event.id, "ignored", reason, says.event_type, transaction_id))
            continue
        assert says.evidence is not None
        alerts = HeldAlerts()
        claim = Claim(says.evidence, says.amount, attempt_of(says.references), event.account_id)
        proof = Proof("webhook", event.event_id, says.provider_status)
        applied = weigh_evidence(transactions[transaction_id], claim, proof, alerts)
        if applied.effect in (Effect.NEEDS_PULL, Effect.MISMATCH):
            continue
        written.alerts.held += [(kind, {"event_row_id": event.id, **facts}) for kind, facts in alerts.held]
        transactions[transaction_id] = applied.transaction
        if applied.change is not None:
            changes.append(applied.change)
        kept |= {name: transaction_id for name in _names(one) if name in new_names}
        state = "applied" if applied.effect is Effect.APPLIED else "ignored"
        endings.append(Ending(event.id, state, applied.reason or None, says.event_type, transaction_id))
    if changes:
        write_changes(uow, changes)
    written.woken = add_references(uow, list(kept), list(kept.values()))
    webhooks.finish_events(uow, endings)
    written.ended = {ending.event_row_id: ending for ending in endings}
    written.waits = [(e.provider, e.waited_s) for e in fresh if e.id in written.ended]
    return written


def _names(one: _Told) -> Names:
    return in_account(one.event.account_id, one.says.references)


def _outcome_without_transaction(one: _Told) -> str | None:
    """Return why the event moves nothing, whatever transaction it names."""
    return "not_ours" if one.says.foreign else one.says.ignored
