"""Changes of transactions: the row, its history and its notification, always together."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from paylink.core.states import HAS_MONEY, Decision, State
from paylink.store.arrays import boolean_array, integer_array, text_array, uuid_array
from paylink.store.ids import new_id
from paylink.store.transactions import Transaction
from paylink.store.unit_of_work import UnitOfWork

_log = logging.getLogger("paylink")


@dataclass(frozen=True)
class Proof:
    """Why a state changed, for the history: `kind` is request, webhook, pull, clock or refusal."""

    kind: str
    id: str | None
    provider_status: str | None


@dataclass(frozen=True)
class Change:
    """What a decision makes of a transaction. A history row is due for each of `steps`, the last with the alert."""

    after: Transaction
    steps: tuple[State, ...]
    proof: Proof
    alert: str | None


def change_by(
    transaction: Transaction,
    decision: Decision,
    proof: Proof,
    *,
    attempt_id: UUID | None = None,
    account_id: UUID | None = None,
) -> Change:
    """
    Return what a decision to APPLY changes. Pure; `write_changes` writes it.

    When only totals change, one history row of the unchanged state records it. `attempt_id` is the attempt whose page
    the money came by, by default the newest, and `account_id` the account on which that was made.
    """
    steps = decision.steps or (transaction.state,)
    newly_paid = steps[-1] in HAS_MONEY and transaction.state not in HAS_MONEY
    after = replace(
        transaction,
        state=steps[-1],
        captured=decision.totals.captured,
        refunded=decision.totals.refunded,
        dispute=decision.totals.dispute,
        provider_status=proof.provider_status or transaction.provider_status,
        version=transaction.version + len(steps),
        account_id=(account_id or transaction.account_id) if newly_paid else transaction.account_id,
        paid_attempt_id=(attempt_id or transaction.attempt_id) if newly_paid else transaction.paid_attempt_id,
    )
    return Change(after, steps, proof, decision.alert)


def write_changes(uow: UnitOfWork, changes: Sequence[Change]) -> None:
    """
    Write changes in their order: the rows, a history row for each step, and one notification for each change.

    The rows must be locked; of one transaction there may be several changes, each made from the one before.
    """
    if _log.isEnabledFor(logging.DEBUG):
        _tell(changes)
    final = {change.after.id: change.after for change in changes}.values()
    steps = [step for change in changes for step in _history_of(change)]
    uow.run_prepared(
        "write_changes",
        ids=uuid_array(t.id for t in final),
        states=text_array(t.state for t in final),
        captured=integer_array(t.captured for t in final),
        refunded=integer_array(t.refunded for t in final),
        disputes=text_array(t.dispute for t in final),
        provider_statuses=text_array(t.provider_status for t in final),
        versions=integer_array(t.version for t in final),
        paid_attempt_ids=uuid_array(t.paid_attempt_id for t in final),
        refundables=text_array(t.refundable for t in final),
        history_ids=uuid_array(new_id() for _ in steps),
        history_transaction_ids=uuid_array(step.of.after.id for step in steps),
        history_versions=integer_array(step.version for step in steps),
        history_states=text_array(step.state for step in steps),
        history_implied=boolean_array(not step.last for step in steps),
        history_captured=integer_array(step.of.after.captured for step in steps),
        history_refunded=integer_array(step.of.after.refunded for step in steps),
        history_disputes=text_array(step.of.after.dispute for step in steps),
        history_evidence=text_array(step.of.proof.kind for step in steps),
        history_evidence_ids=text_array(step.of.proof.id for step in steps),
        history_provider_statuses=text_array(step.of.proof.provider_status for step in steps),
        history_alerts=text_array(step.of.alert if step.last else None for step in steps),
        notification_ids=uuid_array(new_id() for _ in changes),
        notification_merchant_ids=uuid_array(c.after.merchant_id for c in changes),
        notification_transaction_ids=uuid_array(c.after.id for c in changes),
        notification_versions=integer_array(c.after.version for c in changes),
        notification_kinds=text_array(f"transaction.{c.after.state}" for c in changes),
        notification_bodies=text_array(_notification_body(c.after) for c in changes),
    )


def _tell(changes: Sequence[Change]) -> None:
    for change in changes:
        proof = {"evidence": change.proof.kind, "evidence_id": change.proof.id}
        facts = {"state": change.after.state.value, "version": change.after.version, **proof}
        _log.debug("a transaction changes", extra={"transaction_id": str(change.after.id), **facts})


class _Step(NamedTuple):
    of: Change
    version: int
    state: State
    last: bool


def _history_of(change: Change) -> list[_Step]:
    first = change.after.version - len(change.steps) + 1
    return [_Step(change, n, state, n == change.after.version) for n, state in enumerate(change.steps, start=first)]


def _notification_body(transaction: Transaction) -> str:
    return json.dumps(
        {
            "transaction_id": str(transaction.id),
            "state": transaction.state,
            "captured": transaction.captured,
            "refunded": transaction.refunded,
            "dispute": transaction.dispute,
            "currency": transaction.amount.currency,
        }
    )


def apply_decision(uow: UnitOfWork, transaction: Transaction, decision: Decision, proof: Proof) -> Transaction:
    """Write a decision to APPLY of our own, made without evidence. The row must be locked."""
    change = change_by(transaction, decision, proof)
    write_changes(uow, [change])
    return change.after
