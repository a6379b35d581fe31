"""Reads request bodies, each and all together within limits: they stay in memory until their request is answered."""

import asyncio
import contextlib

from paylink_local.gateway.deadlines import Deadlines
from paylink_local.gateway.problems import bad_request, overloaded, payload_too_large, request_timeout
from paylink_local.gateway.requests import RawHeaders, Receive

BODY_BYTES_MAX = 1024 * 1024
"""Twice what any function takes; API Gateway would pass on 10 MB."""

HELD_BYTES_MAX = 64 * 1024 * 1024
"""All bodies of one process together."""

_BODY_WAIT_S = 10
_RETRY_AFTER_S = 1
# Most clients read no answer before they have sent everything, so a refused body is still taken, and dropped at once.
_DISCARD_BYTES_MAX = 16 * 1024 * 1024
_DISCARD_WAIT_S = 2


class Limits:
    """What the bodies of one process share: the memory that they take together, and the time that each may take."""

    def __init__(self, bytes_max: int = HELD_BYTES_MAX) -> None:
        self._free = bytes_max
        self.deadlines = Deadlines(_BODY_WAIT_S)

    def take(self, size: int) -> None:
        """Count bytes, or raise a Problem when there are too many."""
        if size > self._free:
            raise overloaded("the bodies of other requests fill the memory for them; try again later", _RETRY_AFTER_S)
        self._free -= size

    def give_back(self, size: int) -> None:
        """Bytes that were taken are gone."""
        self._free += size


class Body:
    """The body of one request. Whoever reads it calls `release` once the request is answered."""

    def __init__(self, headers: RawHeaders, receive: Receive, limits: Limits) -> None:
        announced = next((value for name, value in headers if name == b"content-length"), None)
        # The server lets no other text through than a number.
        self._announced = int(announced) if announced is not None else None
        self.unread = bool(self._announced) or any(name == b"transfer-encoding" for name, _ in headers)
        """Whether some of it may still come."""
        self._receive = receive
        self._limits = limits
        self._held_bytes = 0

    async def read(self) -> bytes:
        """
        Return the whole body.

        Raises:
            Problem: It is too large, ends early, is framed wrongly or does not come in time, or memory is short.
        """
        if self._announced is not None and self._announced > BODY_BYTES_MAX:
            raise payload_too_large(BODY_BYTES_MAX)
        if not self.unread:
            return b""
        # What asyncio.timeout() does, at a fraction of its cost: every request waits here.
        late = False
        task = asyncio.current_task()
        assert task is not None

        def expire() -> None:
            nonlocal late
            late = True
            task.cancel()

        self._limits.deadlines.add(expire)
        try:
            return await self._read_all()
        except asyncio.CancelledError:
            if not late or task.uncancel() > 0:
                raise
            raise request_timeout(_BODY_WAIT_S) from None
        finally:
            self._limits.deadlines.remove(expire)

    async def _read_all(self) -> bytes:
        chunks: list[bytes] = []
        while self.unread:
            chunk = await self._next_chunk()
            if self._held_bytes + len(chunk) > BODY_BYTES_MAX:
                raise payload_too_large(BODY_BYTES_MAX)
            self._limits.take(len(chunk))
            self._held_bytes += len(chunk)
            chunks.append(chunk)
        return b"".join(chunks)

    def release(self) -> None:
        """Tell that nothing holds the body any more."""
        self._limits.give_back(self._held_bytes)
        self._held_bytes = 0

    async def discard(self) -> None:
        """Take what is left of the body for a little while, so that a client that still sends comes to its answer."""
        size = 0
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_DISCARD_WAIT_S):
                while self.unread and size < _DISCARD_BYTES_MAX:
                    size += len(await self._next_chunk())

    async def _next_chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.unread = False
            raise bad_request("the body is not as long as announced, or its chunks are malformed")
        self.unread = message["more_body"]
        chunk: bytes = message["body"]
        return chunk
