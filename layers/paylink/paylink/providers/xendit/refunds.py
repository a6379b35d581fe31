"""Xendit's refunds put into our terms. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from paylink.core.refunds import RefundState
from paylink.providers.answers import word
from paylink.providers.payments import Refund
from paylink.providers.xendit.money import from_xendit_amount

_STATES = {
    "PENDING": RefundState.PENDING,
    "SUCCEEDED": RefundState.SUCCEEDED,
    "FAILED": RefundState.FAILED,
    "CANCELLED": RefundState.FAILED,
}
_REFERENCE_ID = re.compile(r"paylink-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.ASCII)


def reference_id_of(refund_id: UUID) -> str:
    return f"paylink-{refund_id}"


def refund_id_of(refund: dict[str, Any]) -> UUID | None:
    """Return our id of a refund; None when somebody else made it."""
    told = refund.get("reference_id")
    match = _REFERENCE_ID.match(told) if isinstance(told, str) else None
    return UUID(match[1]) if match else None


def refund_of(refund: dict[str, Any]) -> Refund:
    """
    Map a refund of ours.

    Raises:
        LookupError, ValueError: A field is not there, or its status is none that Xendit documents.
    """
    state = _STATES[refund["status"]]
    return Refund(
        word(refund["id"]),
        state,
        from_xendit_amount(refund["amount"], refund["currency"]),
        refund_id_of(refund),
        failure=word(refund.get("failure_code") or refund["status"]) if state is RefundState.FAILED else None,
    )


def own_refunds(invoice: dict[str, Any], refunds: Sequence[dict[str, Any]]) -> tuple[Refund, ...]:
    """Return those of an invoice's refunds that are ours. The sum of all holds those that have succeeded."""
    ours = [refund for refund in refunds if refund_id_of(refund) is not None]
    return tuple(replace(refund_of(refund), counted=given_back(invoice, refund) > 0) for refund in ours)


def given_back(invoice: dict[str, Any], refund: dict[str, Any]) -> int:
    """
    Return what a refund gave back of this invoice, 0 while it has not succeeded or when it is another's.

    Raises:
        LookupError, ValueError: It cannot be told.
    """
    named = [(refund.get("invoice_id"), invoice["id"]), (refund.get("payment_id"), invoice.get("payment_id"))]
    same = [theirs == ours for theirs, ours in named if theirs is not None and ours is not None]
    if not same:
        raise ValueError("a refund names no payment")
    if not same[0] or _STATES[refund["status"]] is not RefundState.SUCCEEDED:
        return 0
    money = from_xendit_amount(refund["amount"], refund["currency"])
    if money.currency != invoice["currency"]:
        raise ValueError("a refund in another currency")
    return money.amount
