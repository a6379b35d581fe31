"""Idempotency keys: the first answer is kept for a day, and given again to every repetition of the request."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from paylink_sandbox.stripe.account import Account
from paylink_sandbox.stripe.errors import StripeError

_KEPT_S = 24 * 3600
_KIND = "idempotency.key"
_KEY_CHARS_MAX = 255


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    replayed: bool = False


class IdempotentCalls:
    """The answer is written in the transaction that does the work: a crash leaves both or neither."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def run(self, key: str, fingerprint: str, execute: Callable[[], Answer], request_id: str) -> Answer:
        """
        Answer from the record, or execute and record.

        execute: runs in a transaction, which a StripeError undoes.

        Raises:
            StripeError: What `execute` raised, another request with this key is running (409), or the key was used
                with other parameters (400).
        """
        if not 1 <= len(key) <= _KEY_CHARS_MAX:
            raise StripeError(400, f"The idempotency key must have 1 to {_KEY_CHARS_MAX} characters.")
        with self._alone(key):
            if (kept := self._kept(key, fingerprint)) is not None:
                return kept
            try:
                with self._account.transaction():
                    answer = execute()
                    self._keep(key, fingerprint, answer)
            except StripeError as exc:
                if exc.executed:
                    with self._account.transaction():
                        self._keep(key, fingerprint, Answer(exc.status, exc.body(request_id)))
                raise
            return answer

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        with self._lock:
            if key in self._running:
                raise StripeError(
                    409,
                    "There is currently another in-progress request using this Idempotent Key (that probably means you "
                    f"submitted twice, and the other request is still going through): {key}. Please try again later.",
                    type="idempotency_error",
                    code="idempotency_key_in_use",
                )
            self._running.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(key)

    def _kept(self, key: str, fingerprint: str) -> Answer | None:
        record = self._account.find(_KIND, key)
        if record is None or record["created"] < self._account.now() - _KEPT_S:
            return None
        if record["fingerprint"] != fingerprint:
            raise StripeError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
                f"using a key other than '{key}' if you meant to execute a different request.",
                type="idempotency_error",
            )
        return Answer(record["status"], record["body"], replayed=True)

    def _keep(self, key: str, fingerprint: str, answer: Answer) -> None:
        self._account.forget_before(_KIND, self._account.now() - _KEPT_S)
        record = {"fingerprint": fingerprint, "status": answer.status, "body": answer.body}
        self._account.keep(_KIND, key, {**record, "created": self._account.now()})
