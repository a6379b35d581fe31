"""What the tests of whole runs share: a sandbox whose clock can be moved, and no limit of questions."""

import pytest

from support.settled import Clock
from support.stack import Stack
from support.truth import Truth
from support.unlimited import Unlimited


@pytest.fixture
def sandbox_clock() -> Clock:
    return Clock()


@pytest.fixture
def unlimited(stack: Stack) -> Stack:
    vars(stack.deps)["pulls"] = Unlimited()
    return stack


@pytest.fixture
def truth(unlimited: Stack, sandbox_clock: Clock) -> Truth:
    return Truth(unlimited, sandbox_clock)
