"""Which order of ours a transaction of Midtrans belongs to, and the names that it is known by."""

import re
from typing import Any

from paylink.providers.answers import word
from paylink.providers.midtrans.page import order_id_of
from paylink.providers.payments import ATTEMPT, Reference

TRANSACTION = "transaction"
SNAP_TOKEN = "snap_token"  # noqa: S105  # the name of a kind of reference, no secret

_ORDER_ID = re.compile(r"paylink-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.ASCII)


def order_of(transaction: dict[str, Any]) -> str:
    """
    Return the order id. Some bank transfers carry their transaction id there: then ours, if `custom_field2` tells it.

    No signature covers `custom_field2`: in a notification it helps to find the order, and proves nothing.
    """
    order_id = word(transaction["order_id"])
    told = transaction.get("custom_field2")
    if order_id == transaction["transaction_id"] and isinstance(told, str) and is_ours(order_id_of(told)):
        return order_id_of(told)
    return order_id


def is_ours(order_id: str) -> bool:
    return _ORDER_ID.match(order_id) is not None


def attempt_in(order_id: str | None) -> str | None:
    """Return the attempt that an order id of ours names; None when it is another system's."""
    match = _ORDER_ID.match(order_id) if order_id is not None else None
    return match[1] if match else None


def references_of(transaction: dict[str, Any]) -> tuple[Reference, ...]:
    """
    Return the attempt, when the order is one of ours, and the transaction's own id.

    Raises:
        ValueError: One is no identifier.
    """
    own = _ORDER_ID.match(order_of(transaction))
    attempt = (Reference(ATTEMPT, own[1]),) if own else ()
    return (*attempt, Reference(TRANSACTION, word(transaction["transaction_id"])))
