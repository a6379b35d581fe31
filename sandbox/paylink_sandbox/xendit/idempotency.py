"""The header `idempotency-key`: the first answer to a key is given again to the same request."""

import hashlib
from collections.abc import Callable
from typing import Any

from paylink_sandbox.xendit.account import Account
from paylink_sandbox.xendit.errors import XenditError, invalid
from paylink_sandbox.xendit.exact_json import dump

_KEY_CHARS_MAX = 100


def run_once(account: Account, key: str, request: list[Any], execute: Callable[[], Any]) -> Any:
    """
    Answer from the record, or execute and record; within the caller's transaction.

    request: what must be the same again. A refused request is not recorded, so it may be sent again (for how long a
    key is kept is not documented: here, for good).

    Raises:
        XenditError: What `execute` raised, or the key came with another request before.
    """
    if not 1 <= len(key) <= _KEY_CHARS_MAX:
        raise invalid("idempotency-key", f"must have 1 to {_KEY_CHARS_MAX} characters")
    fingerprint = hashlib.sha256(dump(request)).hexdigest()
    kept = account.find("idempotency", key)
    if kept is None:
        answer = execute()
        account.add("idempotency", key, {"fingerprint": fingerprint, "answer": answer})
        return answer
    if kept["fingerprint"] != fingerprint:
        raise XenditError(409, "IDEMPOTENCY_ERROR", "This idempotency key was used with another request.")
    return kept["answer"]
