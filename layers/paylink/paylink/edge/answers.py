"""Finished answers of idempotency keys, remembered in Redis: a replay need not ask Postgres, which has the truth."""

import hashlib
import json
from typing import Any

from paylink.edge.shared_redis import SharedRedis
from paylink.store.idempotency import KeyName, Snapshot

KEPT_S = 3600
"""Far less than the keys' own 72 hours: most retries come soon."""


class RememberedAnswers:
    """Safe to share between threads."""

    def __init__(self, shared: SharedRedis) -> None:
        self._shared = shared

    def find(self, name: KeyName) -> tuple[bytes, Snapshot] | None:
        """Return the fingerprint of the request that a key stands for, and its answer; None when it is not known."""
        text: Any = self._shared.ask(lambda: self._shared.link.run("GET", _key(name)), lambda: None)
        if text is None:
            return None
        kept = json.loads(text)
        return bytes.fromhex(kept["fingerprint"]), Snapshot(kept["status"], kept["body"])

    def remember(self, name: KeyName, fingerprint: bytes, snapshot: Snapshot) -> None:
        text = json.dumps({"fingerprint": fingerprint.hex(), "status": snapshot.status, "body": snapshot.body})
        self._shared.ask(lambda: self._shared.link.run("SET", _key(name), text, "EX", KEPT_S), lambda: None)


def _key(name: KeyName) -> str:
    return f"paylink:answer:{name.merchant_id}:{name.operation}:{hashlib.sha256(name.key.encode()).hexdigest()}"
