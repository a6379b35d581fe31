"""Asking about an order: it may have several tries, each a transaction of its own."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from paylink.core.secret import Secret
from paylink.core.states import State
from paylink.providers.midtrans.client import MidtransClient
from paylink.providers.midtrans.mapping import TRANSACTION, references_of, state_of
from paylink.providers.midtrans.page import order_id_of
from paylink.providers.port import ATTEMPT, Reference


def ask(client: MidtransClient, key: Secret, references: Sequence[Reference]) -> list[dict[str, Any]]:
    """
    Return the transactions that Midtrans knows under these references, the deciding one first.

    By order id we are told of an order's newest try; money on an older one that is named decides all the same. Where
    only tries are named, the order of the first that is found is asked for too: that an old try was refused says
    nothing of the order.

    Raises:
        ProviderError: Midtrans gave no clear answer.
        UnreadableEvent, LookupError, ValueError: An answer is not what Midtrans is known to send.
    """
    orders = [order_id_of(reference.value) for reference in references if reference.kind == ATTEMPT]
    names = deque([*orders, *(reference.value for reference in references if reference.kind == TRANSACTION)])
    newest: list[dict[str, Any]] = []
    tries: list[dict[str, Any]] = []
    known: set[str] = set()
    while names:
        name = names.popleft()
        answer = None if name in known else client.status(key, name)
        if answer is None:
            continue
        if state_of(answer) is State.PAID:
            return [answer, *newest, *tries]
        known.add(answer["transaction_id"])
        (newest if name in orders else tries).append(answer)
        if not orders and references_of(answer)[0].kind == ATTEMPT:
            orders = [answer["order_id"]]
            names.appendleft(orders[0])
    return [*newest, *tries]
