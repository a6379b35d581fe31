"""The Idempotency-Key of the Core API: a success is kept for five minutes. Source: Midtrans documentation."""

from collections.abc import Callable
from typing import Any

from paylink_sandbox.midtrans.account import Account

_KIND = "idempotency_key"
_KEPT_S = 300
_KEY_CHARS_MAX = 46
_WITHOUT = ("permata_va", "indomaret")
"""Methods to which the header does not apply; of those that have it not, the sandbox has these."""


def run_once(
    account: Account, key: str | None, method: str | None, execute: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """
    Execute and record in one database transaction, or give the first answer that this key got, over all calls and
    whatever the new request says.

    Midtrans answers 202 while the first request is still running. Here the second one waits for it.

    method: how the transaction in question is paid, if there is one.

    Raises:
        MidtransError: What `execute` raised, which is not kept.
    """
    with account.atomic():
        if not key or len(key) > _KEY_CHARS_MAX or method in _WITHOUT:
            return execute()
        account.forget_before(_KIND, account.now() - _KEPT_S)
        return account.find(_KIND, key) or account.add(_KIND, key, execute())
