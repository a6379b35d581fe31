"""Samples requests, and begins their traces."""

import random

from paylink.core.tracing import Attributes, Ids, Place, Span, new_span_id, new_trace_id
from paylink.runtime.process_metrics import frozen_between_calls
from paylink.runtime.trace_export import SpanExporter

FLUSH_S = 0.3
"""How long an answer on Lambda waits at most for its spans to be taken."""


class Tracer:
    """Hands spans on to an exporter. Safe to share between threads."""

    def __init__(self, ratio: float, exporter: SpanExporter) -> None:
        """ratio: how many of the requests are traced, from 0 to 1."""
        self._ratio = ratio
        self._exporter = exporter

    def sample(self) -> bool:
        """Decide whether a request is traced. No caller has a say in it: tracing costs us, not them."""
        return random.random() < self._ratio  # noqa: S311  # it secures nothing

    def begin(self, name: str, attributes: Attributes, kind: int, parent: Ids | None = None) -> Span:
        """Begin a trace, or go on with a caller's."""
        trace_id = new_trace_id() if parent is None else parent.trace_id
        parent_id = None if parent is None else parent.span_id
        return Span(Ids(trace_id, new_span_id()), self._exporter.record, name, kind, attributes, parent_id)

    def place(self, ids: Ids) -> Place:
        """Return a span of another process, to make spans under it."""
        return Place(ids, self._exporter.record)

    def settle(self) -> None:
        """Where the process freezes after its answer, have what was recorded taken before."""
        if frozen_between_calls():
            self._exporter.flush(FLUSH_S)

    def close(self) -> None:
        self._exporter.close()
