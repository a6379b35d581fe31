"""What adapters do with an answer that is not what the provider is known to send."""

from collections.abc import Iterator
from contextlib import contextmanager

from paylink.providers.port import Effect, ErrorKind, ProviderError, UnreadableEvent

_UNREADABLE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError, UnreadableEvent)


@contextmanager
def readable_or(effect: Effect) -> Iterator[None]:
    """
    Turn the failures of reading an answer into a ProviderError; decorates an adapter's method.

    `effect` is what the call may have done when its answer cannot be read: UNKNOWN for what creates, NOTHING for
    questions.

    Raises:
        ProviderError: UNAVAILABLE, `unreadable_answer`.
    """
    try:
        yield
    except (
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
        ArithmeticError,
        RecursionError,
        UnreadableEvent,
    ) as exc:
        raise ProviderError(ErrorKind.UNAVAILABLE, "unreadable_answer", effect=effect) from exc
