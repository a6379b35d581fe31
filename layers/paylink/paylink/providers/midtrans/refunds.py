"""Refunds as Midtrans tells of them: in its answer to one, and in the list beside a transaction's status. Pure."""

from typing import Any
from uuid import UUID

from paylink.core.refunds import RefundState
from paylink.providers.answers import word
from paylink.providers.midtrans.money import from_midtrans_amount
from paylink.providers.payments import Refund, Refundable
from paylink.providers.port import Effect, ErrorKind, ProviderError

_REFUNDABLE = {
    **dict.fromkeys(("credit_card", "gopay", "dana", "qris", "kredivo", "akulaku"), Refundable.PART),
    **dict.fromkeys(("shopeepay", "ovo"), Refundable.WHOLE),
    **dict.fromkeys(("bank_transfer", "echannel", "cstore"), Refundable.NOTHING),
}
"""By `payment_type`. Source: Midtrans documentation, Refund Transaction."""


def refundable_of(transaction: dict[str, Any]) -> Refundable | None:
    """Return what the paid method lets be given back; None for one that the documentation does not name."""
    kind = transaction.get("payment_type")
    return _REFUNDABLE.get(kind) if isinstance(kind, str) else None


def made_refund(answer: dict[str, Any], status: str) -> Refund:
    """
    Return the refund that an answer to a refund tells of; `status` is its transaction's.

    Raises:
        ProviderError: A 202 that gave nothing back is a refusal.
        ValueError, LookupError: It is neither.
    """
    given = from_midtrans_amount(answer["refund_amount"])
    if answer["status_code"] == "202" and given.amount == 0:
        raise ProviderError(ErrorKind.BAD_STATE, "status_202", effect=Effect.NOTHING)
    if answer["status_code"] != "200" or status not in ("refund", "partial_refund"):
        raise ValueError("neither refunded nor refused")
    return Refund(_number(answer["refund_chargeback_id"]), RefundState.SUCCEEDED, given)


def own_refunds(transaction: dict[str, Any]) -> tuple[Refund, ...]:
    """
    Return those of our refunds that a status lists; its sum of refunds holds every one that it lists.

    A refund is listed once more when the bank has confirmed it.
    """
    found = {}
    for told in transaction.get("refunds") or ():
        refund_id = refund_id_of(told.get("refund_key"))
        if refund_id is not None:
            number = _number(told.get("refund_chargeback_id") or told["refund_key"])
            amount = from_midtrans_amount(told["refund_amount"])
            found[refund_id] = Refund(number, RefundState.SUCCEEDED, amount, refund_id, counted=True)
    return tuple(found.values())


def refund_id_of(key: object) -> UUID | None:
    """Return our id of a refund, which is its key; None for a key of somebody else's."""
    try:
        refund_id = UUID(key) if isinstance(key, str) else None
    except ValueError:
        return None
    return refund_id if str(refund_id) == key else None


def _number(value: object) -> str:
    return str(value) if type(value) is int else word(value)
