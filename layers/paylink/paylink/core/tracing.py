"""
Traces: what a sampled request does, as spans that hang together across threads, the queue and processes.

Whether a request is traced is decided once, where it comes in (runtime/traces.py). All others carry nothing: a place
that would make a span looks up one ContextVar and goes on. Attributes hold ids, names and figures: never a secret, a
path, a body, or what an exception says.

Source of names: OpenTelemetry semantic conventions 1.37; PayLink's own begin with `paylink.`.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from functools import cache
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from random import Random

Value = str | int | float | bool
Attributes = Mapping[str, Value]
P = ParamSpec("P")
S = TypeVar("S", bound="Span")
T = TypeVar("T")

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(1, 6)
"""Kinds of spans, as OTLP numbers them."""

LINKS_MAX = 128
"""Links of a span; of others it tells how many there were. As OpenTelemetry's `OTEL_SPAN_LINK_COUNT_LIMIT`."""

GO_ON_MAX = 100
"""Events that are sent on their way together, and go on in one trace."""

_NO_ATTRIBUTES: Attributes = MappingProxyType({})
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?\Z", re.ASCII | re.DOTALL)


class Ids(NamedTuple):
    """A place in a trace: both are positive, of 128 and 64 bits."""

    trace_id: int
    span_id: int


def parse_traceparent(text: str) -> Ids | None:
    """
    Return the place that a `traceparent` names; None when it is malformed.

    Source: W3C Trace Context, "traceparent Header Field Values" and "Versioning of traceparent".
    """
    found = _TRACEPARENT.match(text)
    if found is None or found[1] == "ff" or (found[1] == "00" and found[4]):
        return None
    ids = Ids(int(found[2], 16), int(found[3], 16))
    return ids if all(ids) else None


def is_sampled(traceparent: str) -> bool:
    """Tell what one that is well-formed says of itself."""
    return bool(int(traceparent[53:55], 16) & 1)


class Place:
    """Where spans can be made: in a sampled trace, under a span of this process or of another one."""

    __slots__ = ("_sink", "ids")

    def __init__(self, ids: Ids, sink: "Callable[[Span], None]") -> None:
        """sink: takes each span once, when it ends; it must neither wait nor raise."""
        self.ids = ids
        self._sink = sink

    @property
    def traceparent(self) -> str:
        return f"00-{self.ids.trace_id:032x}-{self.ids.span_id:016x}-01"

    def child(self, name: str, attributes: Attributes = _NO_ATTRIBUTES, kind: int = INTERNAL) -> "Span":
        """Begin a span under this one."""
        return self.child_of(Span, name, attributes, kind)

    def child_of(self, span: type[S], name: str, attributes: Attributes, kind: int) -> S:
        """Begin one of a class of its own."""
        return span(Ids(self.ids.trace_id, new_span_id()), self._sink, name, kind, attributes, self.ids.span_id)


class Span(Place):
    """
    A piece of work from its beginning to its end; what is told of it later is lost. As a context manager it is the
    current span of its block, fails with what the block raises, and ends with it.

    How long it took is measured by a clock that nobody sets: only when it began is told by the other.
    """

    __slots__ = (
        "_began_ns",
        "_token",
        "attributes",
        "ended_ns",
        "error",
        "kind",
        "links",
        "links_left_out",
        "name",
        "parent_id",
        "started_ns",
    )

    def __init__(
        self,
        ids: Ids,
        sink: "Callable[[Span], None]",
        name: str,
        kind: int,
        attributes: Attributes,
        parent_id: int | None,
    ) -> None:
        super().__init__(ids, sink)
        self.name = name
        self.kind = kind
        self.attributes: dict[str, Value] = dict(attributes)
        self.parent_id = parent_id
        self.links: list[Ids] = []
        self.links_left_out = 0
        self.error = False
        self.started_ns = time.time_ns()
        self._began_ns = time.perf_counter_ns()
        self.ended_ns: int | None = None
        self._token: Token[Span | None] | None = None

    def set(self, name: str, value: Value) -> None:
        # By then it is being written.
        if self.ended_ns is None:
            self.attributes[name] = value

    def link(self, other: Place) -> None:
        """Tell of another span that this one has to do with."""
        if len(self.links) < LINKS_MAX:
            self.links.append(other.ids)
        else:
            self.links_left_out += 1

    def fail(self, error_type: str) -> None:
        """Tell that the work failed. `error_type` names the kind of failure."""
        self.error = True
        self.set("error.type", error_type)

    def end(self) -> None:
        """End the span, if it has not ended yet."""
        if self.ended_ns is None:
            self.ended_ns = self.started_ns + time.perf_counter_ns() - self._began_ns
            self._sink(self)

    def __enter__(self) -> "Span":
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._token is not None
        _current.reset(self._token)
        self._token = None
        if raised is not None:
            self.fail(type(raised).__name__)
        self.end()


class Untraced:
    """The span of what is not traced."""

    __slots__ = ()

    def set(self, name: str, value: Value) -> None:
        pass

    def link(self, other: Place) -> None:
        pass

    def __enter__(self) -> "Untraced":
        return self

    def __exit__(self, *raised: object) -> None:
        pass


UNTRACED = Untraced()
_current: ContextVar[Span | None] = ContextVar("span", default=None)

Traces = Mapping[UUID, Place]
"""Where events that are traced stand in their traces, by their row ids."""

NO_TRACES: Traces = MappingProxyType({})

current_span: Callable[[], Span | None] = _current.get
"""Return the span that this thread works for; None when that is not traced, as most is not."""


def span(name: str, attributes: Attributes = _NO_ATTRIBUTES, kind: int = INTERNAL) -> Span | Untraced:
    """Begin a span under the current one."""
    parent = _current.get()
    return UNTRACED if parent is None else parent.child(name, attributes, kind)


def going_on(event_row_ids: Sequence[UUID]) -> Traces:
    """Return where events go on that the current work sends on their way: in its trace, the first `GO_ON_MAX`."""
    span = _current.get() if event_row_ids else None
    return NO_TRACES if span is None else dict.fromkeys(event_row_ids[:GO_ON_MAX], span)


@contextmanager
def working_for(span: Span | None) -> Iterator[None]:
    """Make a span that began elsewhere, or none, the current one of a block; it does not end with it."""
    token = _current.set(span)
    try:
        yield
    finally:
        _current.reset(token)


def in_this_trace(work: Callable[P, T]) -> Callable[P, T]:
    """Return the same work, for another thread to do it for this one's span."""
    span = _current.get()
    if span is None:
        return work

    def do(*args: P.args, **kwargs: P.kwargs) -> T:
        with working_for(span):
            return work(*args, **kwargs)

    return do


def new_trace_id() -> int:
    return _random().getrandbits(128) or 1


def new_span_id() -> int:
    return _random().getrandbits(64) or 1


@cache
def _random() -> "Random":
    # Whoever is not traced does not pay for the import; and what is made here tells traces apart, and secures nothing.
    from random import Random

    return Random()  # noqa: S311  # as said above
