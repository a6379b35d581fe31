"""When a run of webhooks counts."""

from collections.abc import Mapping
from typing import Any

from bench.common.rules import Void


def require_closed(accounting: Mapping[str, Any]) -> None:
    """
    Raises:
        Void: The accounting of an account does not close. `accounting` is its row of the view `webhook_accounting`.
    """
    if any(value for column, value in accounting.items() if column.startswith("imbalance")):
        raise Void(f"the accounting does not close: {dict(accounting)}")


def require_stored(accepted: int, doubtful: int, stored: int) -> None:
    """
    Raises:
        Void: An accepted request has no row, or a row belongs to no request that was sent.
    """
    if not accepted <= stored <= accepted + doubtful:
        raise Void(f"{accepted} requests were accepted, {doubtful} were not or are in doubt; {stored} are stored")


def require_applied_once(stored: int, applied: int, paid: int, history: int) -> None:
    """
    Raises:
        Void: Not every stored event has moved its transaction, or one has twice.
    """
    if not stored == applied == paid == history:
        raise Void(f"of {stored} events {applied} were applied; {paid} transactions are paid, {history} times")
