"""
What must never stand in a log, taken out of texts that others wrote: messages of exceptions above all.

The rule is that no secret, signature, card number, mail address or body is logged. This is the net below it.
"""

import re
import traceback
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

REDACTED = "***"
TEXT_CHARS_MAX = 2_000
MESSAGE_CHARS_MAX = 500
TRACEBACK_CHARS_MAX = 16_000
_ITEMS_MAX = 50
_DEPTH_MAX = 4
_LINKS_MAX = 8
_QUOTE_CHARS_MAX = 66

_MARGIN = 500
"""How far a text is read beyond where it is cut: what a cut would halve is known for what it is."""

_ADDRESS = re.compile(r"(?<=://)[^\s\"'<>]++")
_MAIL = re.compile(r"[\w.!#$&*+/=?^`{|}~%-]{0,64}[\w+-](?:@|%40)[\w-]+(?:\.[\w-]+)+", re.ASCII)
_SCHEME = re.compile(r"\b(basic|bearer) +[\w.~+/=:-]+", re.IGNORECASE)
_API_KEY = re.compile(r"\b(pl[mo]_[a-z0-9]{12})_\w+", re.ASCII)
_FOREIGN_KEY = re.compile(
    r"((?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))[sr]k_|whsec_|xnd_|Mid-server-)[\w+/=-]+|(?<!\w)(v[01]=)[0-9a-f]{32,}+",
    re.ASCII,
)
"""Keys and signatures as providers write them: without a name beside it, one is known by how it begins."""

_PASSWORDS = r"(?:password|passwd|passphrase|pwd)"
_LISTS = r"(?:signature|peppers?|master_keys)"
_OTHERS = (
    r"(?:secret|token|authorization|api[_ ]?keys?|(?<=\w)-key"
    r"|(?:server|secret|signature|signing|master|private|access|client|webhook)_?keys?)"
)
_ALL = rf"(?:{_PASSWORDS}|{_LISTS}|{_OTHERS})"
# No value is such a name itself, between quotes.
_IS = (
    r"(?:\\{0,8}[\"'])?\s{0,8}(?:[=:]|%3[AD])\s{0,8}+"
    rf"(?!\\{{0,8}}[\"'][\w.-]{{0,40}}{_ALL}\\{{0,8}}[\"']\s?[=:])"
)
# With its escapes, escaped as a whole, a list, or else as far as such a value goes; what is cut off has no end.
_QUOTE = (
    r"[bru]?(?:\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)"
    r"|(?P<{0}>\\{{1,8}}[\"'])(?:(?!(?<!\\)(?P={0})).)*+(?:(?P={0})|\Z)|[\[({{][^\])}}]*+[\])}}]?)"
)
_SECRET_NAME = re.compile(rf"{_ALL}\Z", re.IGNORECASE)
_NAMED = re.compile(
    rf"({_PASSWORDS}{_IS})(?:{_QUOTE.format('a')}"
    r"|(?:(?![\s,;&]{1,4}[\"']?[\w.-]{1,40}[\"']?\s?[=:])[^\n])++)"
    rf"|({_LISTS}{_IS})(?:{_QUOTE.format('b')}|(?:[^\s;&)}}\]]|(?<=,)\ )++)"
    rf"|({_OTHERS}{_IS})(?:{_QUOTE.format('c')}|[^\s,;&)}}\]]++)",
    re.IGNORECASE | re.DOTALL,
)
_CARD = re.compile(r"(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-])", re.ASCII)
_QUOTED = re.compile(r"\"[^\"]*\"?|'[^']*'?", re.DOTALL)


def redact(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Return a text without what must not be logged, and no longer than `chars_max`; the middle is left out."""
    if len(text) <= chars_max:
        return _redact(text)
    half = chars_max // 2
    head, tail = _redact(text[: half + _MARGIN]), _redact(text[-half - _MARGIN :])
    # The margin is not shown, even where much before it went. A word that was cut might not be known any more.
    head = _without_last_word(head[: half if head.endswith(REDACTED) else max(0, min(half, len(head) - _MARGIN))])
    tail = _without_last_word(tail[max(_MARGIN, len(tail) - half) :][::-1])[::-1]
    return f"{head} ... {len(text) - len(head) - len(tail)} characters ... {tail}"


def _redact(text: str) -> str:
    """Return all of a text without what must not be logged; in time linear in its length."""
    text = _ADDRESS.sub(_without_userinfo, text)
    text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    text = _NAMED.sub(lambda found: f"{found[1] or found[3] or found[5]}{REDACTED}", text)
    text = _API_KEY.sub(rf"\1_{REDACTED}", text)
    text = _FOREIGN_KEY.sub(lambda found: f"{found[1] or found[2]}{REDACTED}", text)
    text = _MAIL.sub(REDACTED, text)
    return _CARD.sub(lambda found: REDACTED if _is_card_number(found[0]) else found[0], text)


def _without_userinfo(found: re.Match[str]) -> str:
    userinfo, at, rest = found[0].rpartition("@")
    return f"{REDACTED}@{rest}" if at else userinfo + rest


def _without_last_word(text: str) -> str:
    """Return a text up to where its last word begins; what ends with a space, as it is."""
    words = text.split()
    return text[: len(text) - len(words[-1])] if words and text.endswith(words[-1]) else text


def shorten(text: str, chars_max: int) -> str:
    """Return a text of at most `chars_max` and a few characters, without its middle where it is longer."""
    if len(text) <= chars_max:
        return text
    half = chars_max // 2
    return f"{text[:half]} ... {len(text) - 2 * half} characters ... {text[-half:]}"


def redact_value(value: object, depth: int = _DEPTH_MAX) -> Any:
    """Return a value as JSON may show it in a log: redacted throughout, bounded, bytes as their number only."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        shown = str(value)
        return value if redact(shown) == shown else REDACTED
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if depth and isinstance(value, Mapping):
        items = list(value.items())[:_ITEMS_MAX]
        return {redact(str(name)): redact_named(str(name), item, depth - 1) for name, item in items}
    if depth and isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [redact_value(item, depth - 1) for item in list(value)[:_ITEMS_MAX]]
    return redact(str(value))


def redact_named(name: str, value: object, depth: int = _DEPTH_MAX) -> Any:
    """The same for a value under a name, which may say what a text says with `password=`."""
    if isinstance(value, str) and _SECRET_NAME.search(name):
        return REDACTED
    return redact_value(value, depth)


def redact_field(name: str, value: object) -> Any:
    """The same for a field of a line; a traceback was redacted when it was made."""
    try:
        if name in ("exception", "stack"):
            return shorten(str(value), TRACEBACK_CHARS_MAX)
        return redact_named(name, value)
    except Exception:
        return "(cannot be told)"


def describe_exception(exc: BaseException) -> str:
    """Return a traceback as Python prints it, but for its messages: those are redacted and bounded."""
    parts: list[str] = []
    for link in _chain(exc):
        if parts:
            parts.append(_CAUSE if link.__cause__ is not None else _CONTEXT)
        parts += _own_lines(link)
    return shorten("".join(parts), TRACEBACK_CHARS_MAX)


def message_of(exc: BaseException) -> str:
    """Return what may be told of an exception's message."""
    try:
        if (said := _of_database(exc)) is not None:
            return said
        if (said := _of_validation(exc)) is not None:
            return said
        return redact(_QUOTED.sub(_without_long_quotes, str(exc)), MESSAGE_CHARS_MAX)
    except Exception:
        return "(its message cannot be told)"


def _chain(exc: BaseException) -> list[BaseException]:
    """Return the exceptions that led to one, the first one first."""
    chain: list[BaseException] = []
    link: BaseException | None = exc
    while link is not None and len(chain) < _LINKS_MAX and all(link is not one for one in chain):
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain[::-1]


def _own_lines(exc: BaseException) -> list[str]:
    lines = (
        ["Traceback (most recent call last):\n", *traceback.format_tb(exc.__traceback__)] if exc.__traceback__ else []
    )
    kind, message = type(exc), message_of(exc)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    lines.append(f"{name}: {message}\n" if message else f"{name}\n")
    if isinstance(exc, BaseExceptionGroup):
        lines += [describe_exception(one) for one in exc.exceptions[:_LINKS_MAX]]
    return lines


def _of_database(exc: BaseException) -> str | None:
    """A driver's message repeats the row, the statement or the address with its password: only names are told."""
    diagnosis = getattr(exc, "diag", None)
    if diagnosis is None:
        return None
    if (code := getattr(exc, "pgcode", None)) is None:
        return redact(_QUOTED.sub(f'"{REDACTED}"', str(exc)), MESSAGE_CHARS_MAX).strip()
    told = [
        ("constraint", diagnosis.constraint_name),
        ("table", diagnosis.table_name),
        ("column", diagnosis.column_name),
    ]
    return ", ".join([f"SQLSTATE {code}", *(f"{what} {name}" for what, name in told if name)])


def _of_validation(exc: BaseException) -> str | None:
    """A validator's message repeats what was sent."""
    if not hasattr(exc, "error_count") or not hasattr(exc, "errors"):
        return None
    problems = exc.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in problems[:_ITEMS_MAX])


def _without_long_quotes(found: re.Match[str]) -> str:
    """What is quoted and long is no name, but what somebody sent."""
    return found[0] if len(found[0]) <= _QUOTE_CHARS_MAX else f"{found[0][0]}{REDACTED}{found[0][0]}"


def _is_card_number(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
