"""Waits that share a timer: each ends at its own deadline, and what is over is forgotten."""

import asyncio
from functools import partial

from paylink_local.gateway.deadlines import Deadlines


def test_each_wait_ends_at_its_own_deadline_and_once() -> None:
    """In the order in which they began, also when the timer was set for one that is over."""

    async def wait() -> list[str]:
        deadlines, ended = Deadlines(0.5), []
        first, second, third = (partial(ended.append, name) for name in ("first", "second", "third"))
        deadlines.add(first)
        await asyncio.sleep(0.3)
        deadlines.add(second)
        deadlines.add(third)
        deadlines.remove(first)
        await asyncio.sleep(0.3)
        assert ended == []
        await asyncio.sleep(0.4)
        deadlines.remove(third)
        return ended

    assert asyncio.run(wait()) == ["second", "third"]


def test_a_wait_may_begin_long_after_the_last_one_was_over() -> None:
    async def wait() -> list[str]:
        deadlines, ended = Deadlines(0.02), []
        deadlines.add(partial(ended.append, "first"))
        await asyncio.sleep(0.05)
        deadlines.add(partial(ended.append, "second"))
        await asyncio.sleep(0.05)
        return ended

    assert asyncio.run(wait()) == ["first", "second"]


def test_a_wait_that_another_end_makes_needless_does_not_end() -> None:
    async def wait() -> list[str]:
        deadlines, ended = Deadlines(0.02), []
        second = partial(ended.append, "second")
        deadlines.add(lambda: deadlines.remove(second))
        deadlines.add(second)
        await asyncio.sleep(0.1)
        return ended

    assert asyncio.run(wait()) == []


def test_one_that_fails_keeps_no_other_from_its_end() -> None:
    async def wait() -> list[str]:
        loop, told, ended = asyncio.get_running_loop(), [], []
        loop.set_exception_handler(lambda _, context: told.append(context["message"]))
        deadlines = Deadlines(0.02)
        deadlines.add(lambda: [][0])
        deadlines.add(partial(ended.append, "second"))
        await asyncio.sleep(0.1)
        assert len(told) == 1
        return ended

    assert asyncio.run(wait()) == ["second"]
