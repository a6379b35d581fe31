"""What must not last longer than so many seconds, for many waits at once."""

import asyncio
from collections.abc import Callable

Expire = Callable[[], None]


class Deadlines:
    """
    Waits that may all last equally long, in one event loop. They share one timer: each request has two such waits, and
    hardly any of them ends by its deadline.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        # In the order of their deadlines, as all last equally long.
        self._until_s: dict[Expire, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, expire: Expire) -> None:
        """Call `expire` at the deadline, unless it is removed before. Added again, it has the whole time again."""
        loop = asyncio.get_running_loop()
        self._until_s.pop(expire, None)
        self._until_s[expire] = loop.time() + self._after_s
        if self._timer is None:
            self._timer = loop.call_later(self._after_s, self._sweep, loop)

    def remove(self, expire: Expire) -> None:
        """The wait is over."""
        self._until_s.pop(expire, None)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now_s = loop.time()
        while self._until_s:
            expire, until_s = next(iter(self._until_s.items()))
            if until_s > now_s:
                self._timer = loop.call_later(until_s - now_s, self._sweep, loop)
                return
            del self._until_s[expire]
            # Not by call_soon(): a wait that is over by then would be ended late.
            try:
                expire()
            except Exception as exc:
                loop.call_exception_handler({"message": "the end of a wait failed", "exception": exc})
