"""What a provider's sum of refunds tells of our own ones: which it holds, and what is still reserved beside it."""

from collections.abc import Sequence

from paylink.core.refunds import LIVE, Listed, RefundState, after_figures
from paylink.providers.payments import Refund as ProviderRefund
from paylink.providers.payments import refund_named
from paylink.services.ports import AlertLog
from paylink.store.refunds import Refund, RefundChange, RefundProof, lock_refunds, write_refunds
from paylink.store.transactions import Transaction
from paylink.store.unit_of_work import UnitOfWork


def apply_figures(
    uow: UnitOfWork,
    before: Transaction,
    after: Transaction,
    listed: Sequence[ProviderRefund] | None,
    evidence_id: str | None,
    alerts: AlertLog,
) -> int:
    """
    Bring our refunds in line with the sum that `after.refunded` was just set from; return what is then reserved. The
    transaction's row must be locked.

    Those that the sum holds are not reserved any more; those that it does not, or not any more, are. Without a list
    nothing is known to be in the sum, so all are. More than was captured, given back and reserved, raises an alert:
    others have refunded meanwhile, or a provider has carried out what it had refused.
    """
    if not (listed or before.refunded or before.refund_reserved):
        return 0
    refunds = lock_refunds(uow, after.id)
    moved = (_change(refund, refund_named(listed or (), refund.id)) for refund in refunds.values())
    changes = [change for change in moved if change is not None]
    reserved = before.refund_reserved
    if changes:
        reserved = write_refunds(uow, after, refunds, changes, RefundProof("pull", evidence_id))
    for change in changes:
        if change.alert is not None:
            alerts.alert(change.alert, transaction_id=after.id, refund_id=change.after.id)
    total, was = after.refunded + reserved, before.refunded + before.refund_reserved
    if listed is not None and total > after.captured and total > was:
        facts: dict[str, object] = {"captured": after.captured, "refunded": after.refunded, "reserved": reserved}
        alerts.alert("refunds_exceed_captured", transaction_id=after.id, **facts)
    return reserved


def _change(refund: Refund, told: ProviderRefund | None) -> RefundChange | None:
    standing = after_figures(refund.standing, None if told is None else Listed(told.state, told.counted))
    if standing == refund.standing:
        return None
    if told is None:
        return RefundChange(refund, refund.moved(standing))
    after = refund.moved(standing, reference=told.reference, error=told.failure or refund.error)
    return RefundChange(refund, after, surprise(refund, after))


def surprise(before: Refund, after: Refund) -> str | None:
    """Return the alert that a change deserves: what merchants were told of a refund is not so any more."""
    if before.state is RefundState.SUCCEEDED and after.state is RefundState.FAILED:
        return "refund_failed_afterwards"
    if before.state not in LIVE and after.state in LIVE:
        return "refund_made_after_all"
    return None
