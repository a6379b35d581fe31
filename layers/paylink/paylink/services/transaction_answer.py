"""What those who change a transaction answer; apart from reading.py, which a checkout does not need."""

from paylink.store.transactions import Transaction


def transaction_body(transaction: Transaction, checkout_url: str | None) -> dict[str, object]:
    """Return what a checkout, a cancellation and a capture answer."""
    return {
        "id": str(transaction.id),
        "state": transaction.state.value,
        "provider": transaction.provider,
        "amount": transaction.amount.amount,
        "currency": transaction.amount.currency,
        "order_reference": transaction.order_reference,
        "checkout_url": checkout_url,
        "expires_at": transaction.expires_at.isoformat(),
        "created_at": transaction.created_at.isoformat(),
    }
