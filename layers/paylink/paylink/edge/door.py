"""
The way in for everybody who has a key.

A key that was let in is remembered for a few seconds: as long, and no longer, may one live on after it was revoked.
"""

import hashlib
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address

from paylink.core.api_key import key_prefix
from paylink.core.errors import PayLinkError, TooManyBadKeys, Unauthenticated
from paylink.core.secret import Secret
from paylink.edge.api_keys import ApiKeys, Caller
from paylink.edge.limits import Limit
from paylink.edge.rate_limit import Buckets, Counted, RateLimiter, Standing

_KNOWN_MAX = 10_000


@dataclass(frozen=True)
class _Known:
    """What a right key was told: who it is, or why it may do nothing at all."""

    caller: Caller | PayLinkError
    at: float


class Door:
    """
    Finds out who calls, and counts it. Safe to share between threads.

    bad_keys: how many wrong keys one address may send before no key is looked up for it that has not been seen before.
    A key that was right before is always looked up, whoever else sends from its address.
    remember_s: how long a key that has been revoked, has expired or was changed is still taken for what it was.
    """

    def __init__(
        self,
        keys: ApiKeys,
        buckets: Buckets,
        limiter: RateLimiter,
        bad_keys: Limit,
        remember_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._buckets = buckets
        self._limiter = limiter
        self._bad_keys = bad_keys
        self._remember_s = remember_s
        self._monotonic = monotonic
        self._salt = os.urandom(16)
        self._known: dict[bytes, _Known] = {}

    def authenticate(self, authorization: str | None, source: Callable[[], str]) -> Caller:
        """
        Return who calls, by the header `Authorization`; `source` gives the address that the request came from.

        Raises:
            Unauthenticated: No key, or none that lives. The answer does not tell which.
            TooManyBadKeys: Its address has sent too many wrong ones.
            StorageUnavailable: The database cannot answer.
            PayLinkError: With status 403, when a right key may do nothing at all.
        """
        now = self._monotonic()
        # The key itself is not kept.
        mark = hashlib.blake2b((authorization or "").encode("utf-8", "replace"), salt=self._salt).digest()
        known = self._known.get(mark)
        if known is not None and now - known.at < self._remember_s:
            if isinstance(known.caller, PayLinkError):
                raise type(known.caller)(known.caller.detail)
            return known.caller
        guess = _is_whole(authorization)
        if guess and known is None:
            self._refuse_guessers(source())
        try:
            caller = self._keys.authenticate(authorization)
        except Unauthenticated:
            self._known.pop(mark, None)
            if guess:
                self._buckets.take([(_bucket(source()), self._bad_keys)])
            raise
        except PayLinkError as exc:
            if exc.status == 403:
                self._remember(mark, _Known(exc, now))
            raise
        self._remember(mark, _Known(caller, now))
        return caller

    def _remember(self, mark: bytes, known: _Known) -> None:
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[mark] = known

    def count(self, callers: Sequence[Caller]) -> list[Counted]:
        """Count a request of each of those who were let in, in one round trip."""
        return self._limiter.count([(caller.key_prefix, caller.merchant_id) for caller in callers])

    def _refuse_guessers(self, source: str) -> None:
        some_left, (tokens,) = self._buckets.take([(_bucket(source), self._bad_keys)], count=0)
        if not some_left:
            wait_s = Standing("address", self._bad_keys, tokens).wait_s
            raise TooManyBadKeys("wait, and check the key", retry_after_s=max(1, math.ceil(wait_s)))


def _bucket(source: str) -> str:
    """Who has one IPv6 address has its whole /64. What is no address is that of nobody known."""
    try:
        address = ip_address(source)
    except ValueError:
        return f"bad-keys:{source}"
    if isinstance(address, IPv6Address):
        return f"bad-keys:{address.ipv4_mapped or IPv6Network((int(address), 64), strict=False)}"
    return f"bad-keys:{address}"


def _is_whole(authorization: str | None) -> bool:
    """Whether there is a key to look up. What has not a key's form costs nothing, and is no guess."""
    try:
        key_prefix(Secret((authorization or "").partition(" ")[2].strip()))
    except ValueError:
        return False
    return True
