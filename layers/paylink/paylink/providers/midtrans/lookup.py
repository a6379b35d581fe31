"""Asking about an order: it may have several tries, each a transaction of its own."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from paylink.core.secret import Secret
from paylink.core.states import State
from paylink.providers.midtrans.client import MidtransClient
from paylink.providers.midtrans.mapping import paid_at, state_of, was_taken_back
from paylink.providers.midtrans.page import order_id_of
from paylink.providers.midtrans.references import TRANSACTION, is_ours, order_of
from paylink.providers.payments import ATTEMPT, Reference
from paylink.providers.port import Effect, ErrorKind, ProviderError

_CALLS_ONCE_PAID = 10
"""Where money is found, this many calls in all are enough to look for more of it."""
_WEIGHTS = {State.PAID: 0, State.AUTHORIZED: 2, State.PENDING: 3}
_TAKEN_BACK, _ENDED = 1, 4
_ANY_TIME = datetime.min.replace(tzinfo=UTC)


def ask(client: MidtransClient, key: Secret, references: Sequence[Reference]) -> list[dict[str, Any]]:
    """
    Return the transactions that Midtrans knows under these references, the deciding one first.

    By order id we are told of an order's newest try, by transaction id of any. Where only tries are named, the order of
    the first that is found is asked for too: that an old try was refused says nothing of the order. A named transaction
    of an order that was not asked about is left out, as if it had not been named.

    Raises:
        ProviderError: Midtrans gave no clear answer. Also when it knows neither the order nor a transaction that it
            must have told of once: that proves no end.
        UnreadableEvent, LookupError, ValueError: An answer is not what Midtrans is known to send.
    """
    orders = [order_id_of(reference.value) for reference in references if reference.kind == ATTEMPT]
    names = deque([*orders, *(reference.value for reference in references if reference.kind == TRANSACTION)])
    newest: list[dict[str, Any]] = []
    tries: list[dict[str, Any]] = []
    known: set[str] = set()
    calls, gone = 0, False
    while names and not (calls >= _CALLS_ONCE_PAID and any(state_of(t) is State.PAID for t in [*newest, *tries])):
        name = names.popleft()
        if name in known:
            continue
        calls += 1
        answer = client.status(key, name)
        if answer is None:
            gone = gone or name not in orders
            continue
        if name in orders:
            answer = _under(name, answer)
        elif not orders and is_ours(order_of(answer)):
            orders = [order_of(answer)]
            names.appendleft(orders[0])
        elif orders and order_of(answer) not in (*orders, answer["transaction_id"]):
            continue
        if answer["transaction_id"] not in known:
            known.add(answer["transaction_id"])
            (newest if name in orders else tries).append(answer)
    if orders and gone and not known:
        raise ProviderError(ErrorKind.UNAVAILABLE, "transaction_gone", effect=Effect.NOTHING, gone=True)
    return _deciding_first([*newest, *tries])


def _under(order_id: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Some bank transfers carry their transaction id as order id: asked by ours, such an answer is told under it."""
    if answer["order_id"] not in (order_id, answer["transaction_id"]):
        raise ValueError("an answer about another order than the one asked for")
    return answer | {"order_id": order_id}


def _deciding_first(answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """An order with money goes before others, else they stay as they were asked for, each with its tries together."""
    orders: dict[str, list[dict[str, Any]]] = {}
    for answer in answers:
        orders.setdefault(order_of(answer), []).append(answer)
    ranked = [sorted(tries, key=_weight) for tries in orders.values()]
    ranked.sort(key=lambda tries: state_of(tries[0]) is not State.PAID)
    return [answer for tries in ranked for answer in tries]


def _weight(transaction: dict[str, Any]) -> tuple[int, datetime]:
    """
    Of an order's tries the earliest with money decides, then what can still be paid, then the newest.

    Settled money that was taken back goes before what is open: somebody may count on it.
    """
    state = state_of(transaction)
    weight = _TAKEN_BACK if was_taken_back(transaction) else _WEIGHTS.get(state, _ENDED)
    return weight, paid_at(transaction) if state is State.PAID else _ANY_TIME
