"""Stripe's refunds put into our terms. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from paylink.core.refunds import RefundState
from paylink.providers.answers import word
from paylink.providers.payments import Refund
from paylink.providers.stripe.money import from_stripe_amount

REFUND_METADATA = "paylink_refund"

_STATES = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}

_HELD = (frozenset({"succeeded", "pending", "requires_action"}), frozenset({"succeeded"}))
"""Whether Stripe's sum holds refunds that are still pending is not documented, so either is taken."""


def refund_of(refund: dict[str, Any]) -> Refund:
    """
    Map a refund of ours.

    Raises:
        LookupError, ValueError: A field is not there, or its status is none that Stripe documents.
    """
    state, failure = _STATES[refund["status"]], refund.get("failure_reason")
    return Refund(
        word(refund["id"]),
        state,
        from_stripe_amount(refund["amount"], refund["currency"]),
        refund_id_of(refund),
        failure=word(failure or refund["status"]) if state is RefundState.FAILED else None,
    )


def refund_id_of(refund: dict[str, Any]) -> UUID | None:
    """Return our id of a refund; None when somebody else made it."""
    told = (refund.get("metadata") or {}).get(REFUND_METADATA)
    try:
        return UUID(told) if isinstance(told, str) else None
    except ValueError:
        return None


def given_back(charge: dict[str, Any], refunds: Sequence[dict[str, Any]]) -> tuple[int, Sequence[dict[str, Any]]]:
    """
    Return how much of a paid charge was given back, in Stripe's unit, and the refunds that did so.

    What a partial capture leaves over is released. Stripe tells that as a refund that nobody asked for, in
    `amount_refunded` and in the list; neither is documented, so each may be missing. Money that was captured is given
    back only by the other refunds. Of two readings that fit, the one that Stripe is known for is taken.

    Raises:
        ValueError: No reading of a partial capture fits: the two were read at different moments, or told in a new way.
    """
    refunded, captured = charge.get("amount_refunded", 0), charge.get("amount_captured", 0)
    released = charge.get("amount", captured) - captured if captured else 0
    if released <= 0:
        return refunded, refunds
    release = next((refund for refund in reversed(refunds) if _may_be_release(refund, released)), None)
    others = [refund for refund in refunds if refund is not release]
    for listed, also_told in ((others, released), (refunds, released), (others, 0), (refunds, 0)):
        given = refunded - also_told
        # Stripe says of nothing that it is refunded while money of it is left.
        if given in _sums(listed) and (given == captured or not charge.get("refunded")):
            return given, listed
    raise ValueError("refunds that do not fit a partial capture")


def _may_be_release(refund: dict[str, Any], released: int) -> bool:
    return refund["amount"] == released and refund["status"] == "succeeded" and refund_id_of(refund) is None


def _sums(refunds: Sequence[dict[str, Any]]) -> list[int]:
    return [sum(refund["amount"] for refund in refunds if refund["status"] in held) for held in _HELD]


def own_refunds(refunds: Sequence[dict[str, Any]], amount_refunded: int) -> tuple[Refund, ...] | None:
    """
    Return those of a charge's refunds, listed the newest first, that are ours: `counted` where they make up
    `amount_refunded`.

    The list is read after the sum. Where it holds more, the sum is that of the older refunds, and the others were made
    between the two. None when no such part makes up the sum: what had been told of a refund has changed meanwhile.
    """
    for newer in range(len(refunds) + 1):
        for held, total in zip(_HELD, _sums(refunds[newer:]), strict=True):
            if total == amount_refunded:
                return tuple(_own(refunds[:newer], ())) + tuple(_own(refunds[newer:], held))
    return None


def _own(refunds: Sequence[dict[str, Any]], held: Collection[str]) -> Iterator[Refund]:
    for refund in refunds:
        # One in a status that is new to us stays as it was, and its amount reserved.
        if refund_id_of(refund) is not None and refund["status"] in _STATES:
            yield replace(refund_of(refund), counted=refund["status"] in held)
