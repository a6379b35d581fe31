"""Notifications: the status of a transaction, sent to the merchant at each change."""

import json
import uuid
from collections.abc import Callable
from typing import Any

from paylink_sandbox.deliveries import Event
from paylink_sandbox.documents import Document
from paylink_sandbox.midtrans.account import SLUG, Account
from paylink_sandbox.midtrans.answers import NOTIFIED, describe

_WRONG_BY = 100


def notify(account: Account, order: Document, transaction: Document) -> None:
    """
    Tell every address of the order what the transaction is now. The event's type is its transaction_status.

    Midtrans sends no event id: the one kept here only tells deliveries apart.
    """
    key = account.settings.server_keys[0]
    body = json.dumps(describe(order, transaction, key, NOTIFIED)).encode()
    for url in order["notification_urls"]:
        account.frame.deliveries.enqueue(
            Event(
                provider=SLUG,
                id=str(uuid.uuid4()),
                type=transaction["transaction_status"],
                reference=order["order_id"],
                url=url,
                body=body,
                wrong_amount=_wrong_amount(order, transaction, key),
            )
        )


def _wrong_amount(order: Document, transaction: Document, key: str) -> Callable[[], bytes]:
    def body() -> bytes:
        lie: dict[str, Any] = {**transaction, "gross_amount": transaction["gross_amount"] + _WRONG_BY}
        return json.dumps(describe(order, lie, key, NOTIFIED)).encode()

    return body
