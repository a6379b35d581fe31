"""What became of a charge's money: captured, released, given back, and the refunds that tell so."""

from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.stripe.account import Account
from paylink_sandbox.stripe.objects import CARD


def released(charge: Document) -> int:
    """What a partial capture has released."""
    is_final = charge["captured"] and charge["paid"]
    return int(charge["amount"] - charge["amount_captured"]) if is_final else 0


def left(charge: Document) -> int:
    """What is captured and not given back. A release is in `amount_refunded`."""
    return int(charge["amount_captured"] - charge["amount_refunded"] + released(charge))


def release(account: Account, charge: Document) -> Document:
    """
    Tell the rest of a partial capture as released.

    Stripe tells it as a refund that nobody asked for; it moves no balance.
    """
    refund = new_refund(account, charge, released(charge), {})
    refund["destination_details"]["card"]["type"] = "reversal"
    charge["amount_refunded"] = refund["amount"]
    return account.add(refund)


def is_release(refund: Document) -> bool:
    return refund["balance_transaction"] is None


def new_refund(account: Account, charge: Document, units: int, given: dict[str, Any]) -> Document:
    by_card = charge["payment_method_details"]["type"] == CARD
    return {
        "id": account.new_id("re_3" if by_card else "pyr_1"),
        "object": "refund",
        "amount": units,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": account.now(),
        "currency": charge["currency"],
        "destination_details": {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"}
        if by_card
        else None,
        "metadata": given.get("metadata", {}),
        "payment_intent": charge["payment_intent"],
        "reason": given.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded" if by_card else "requires_action",
        "transfer_reversal": None,
    }
