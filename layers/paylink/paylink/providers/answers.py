"""How adapters read what a provider sends, and what they do when it is not what it is known to send."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from paylink.providers.port import Effect, ErrorKind, ProviderError, UnreadableEvent

_WORD = re.compile(r"[\x21-\x7e]{1,255}\Z", re.ASCII)


def word(value: object) -> str:
    """
    Return an identifier or status as providers write them: short, printable, ASCII, without blanks.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, str) or not _WORD.match(value):
        raise ValueError("not a word")
    return value


@contextmanager
def after_change() -> Iterator[None]:
    """
    Around what an adapter asks once it has changed something: its failure tells nothing of the change.

    Raises:
        ProviderError: UNAVAILABLE with effect UNKNOWN, whatever the question's own failure was.
    """
    try:
        yield
    except ProviderError as exc:
        raise ProviderError(ErrorKind.UNAVAILABLE, exc.code, effect=Effect.UNKNOWN) from exc


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
