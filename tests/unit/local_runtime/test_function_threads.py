"""The threads of one function in the gateway: few where answers come later, and yet nobody waits behind those."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from paylink.runtime.answers import LaterAnswer
from paylink.services.promise import Promise
from paylink_local.functions import LoadedFunction
from paylink_local.gateway.threads import LATER_THREADS, FunctionThreads
from paylink_local.template import Template

WAIT_S = 0.3


NAME = "asked"


def handler(event: Any, context: object) -> LaterAnswer:
    """Answers later, at once or after a wait, as the event says."""
    if event == "waits":
        time.sleep(WAIT_S)
    promise: Promise[int] = Promise()
    promise.keep(0)
    return LaterAnswer(promise, lambda: {"event": event})


@pytest.fixture
def loaded(read_template: Callable[[str], Template]) -> LoadedFunction:
    template = read_template(
        """
        Resources:
          AskedFunction:
            Type: AWS::Serverless::Function
            Properties: {CodeUri: functions/shop/, Handler: app.handler, FunctionName: asked, Timeout: 10}
        """
    )
    return LoadedFunction(template.functions[0], handler, "ap-southeast-3")


def own_threads() -> int:
    return sum(thread.name == NAME for thread in threading.enumerate())


def test_when_all_wait_the_others_get_threads_and_give_them_back(loaded: LoadedFunction):
    async def go() -> tuple[float, int]:
        function = FunctionThreads(loaded)
        await function.run("later")
        began = time.monotonic()
        answers = await asyncio.gather(*(function.run("waits") for _ in range(32)))
        took_s = time.monotonic() - began
        assert answers == [{"event": "waits"}] * 32
        await asyncio.gather(*(function.run("later") for _ in range(100)))
        await asyncio.sleep(0.1)
        return took_s, own_threads()

    before = own_threads()
    took_s, left = asyncio.run(go())
    # One after the other on two threads they would take 16 waits.
    assert took_s < 5 * WAIT_S
    assert 0 < left - before <= LATER_THREADS


def test_who_does_not_wait_needs_no_more_threads(loaded: LoadedFunction):
    async def go() -> int:
        function = FunctionThreads(loaded)
        await function.run("later")
        most = 0
        for _ in range(50):
            await asyncio.gather(*(function.run("later") for _ in range(64)))
            most = max(most, own_threads())
        return most

    before = own_threads()
    assert 0 < asyncio.run(go()) - before <= LATER_THREADS
