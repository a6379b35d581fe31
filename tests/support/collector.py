"""A collector of traces: takes OTLP over HTTP, and reads it with OpenTelemetry's own definitions."""

import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from support.serving import QuietHandler, serving


@dataclass(frozen=True)
class Seen:
    """One span, with its ids in hexadecimal."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    links: tuple[tuple[str, str], ...]
    failed: bool
    started_ns: int
    ended_ns: int
    resource: dict[str, Any]


@dataclass
class Collector:
    """
    `status`, `headers` and `answer` are what it answers, after `delay_s`, and the statuses `at_first` before that;
    `requests` are the paths and headers of those that came, `bodies` what was taken.
    """

    address: str = ""
    status: int = 200
    at_first: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""
    delay_s: float = 0.0
    spans: list[Seen] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def named(self, name: str) -> list[Seen]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> Seen:
        found = self.named(name)
        assert len(found) == 1, (name, sorted(span.name for span in self.spans))
        return found[0]

    def children(self, parent: Seen) -> list[Seen]:
        own = [s for s in self.spans if (s.trace_id, s.parent_id) == (parent.trace_id, parent.span_id)]
        return sorted(own, key=lambda span: span.started_ns)

    def above(self, span: Seen) -> list[str]:
        """Return the names from a span up to the root of its trace."""
        known = {(s.trace_id, s.span_id): s for s in self.spans}
        names = [span.name]
        while span.parent_id:
            span = known[(span.trace_id, span.parent_id)]
            names.append(span.name)
        return names

    def tree(self, root: Seen) -> Any:
        """Return a span's name with those below it, for a look."""
        return (root.name, [self.tree(child) for child in self.children(root)])

    def await_spans(self, condition: Callable[["Collector"], bool], within_s: float = 10) -> None:
        stop_at = time.monotonic() + within_s
        while not condition(self):
            assert time.monotonic() < stop_at, sorted(span.name for span in self.spans)
            time.sleep(0.02)


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector for the time of a block."""
    collector, lock = Collector(), threading.Lock()

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                collector.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                status = collector.at_first.pop(0) if collector.at_first else collector.status
                if status == 200:
                    if self.headers.get("Content-Encoding") == "gzip":
                        raw = gzip.decompress(raw)
                    collector.bodies.append(raw)
                    collector.spans += read_spans(raw)
            time.sleep(collector.delay_s)
            self.send_response(status)
            self.send_header("Content-Type", "application/x-protobuf")
            for name, value in collector.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(collector.answer)))
            self.end_headers()
            self.wfile.write(collector.answer)

    with serving(Handler) as address:
        collector.address = address
        yield collector


def read_spans(raw: bytes) -> list[Seen]:
    request = ExportTraceServiceRequest.FromString(raw)
    return [
        _seen(span, _values(of_resource.resource.attributes))
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def _seen(span: ProtoSpan, resource: dict[str, Any]) -> Seen:
    return Seen(
        name=span.name,
        kind=ProtoSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_values(span.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        resource=resource,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in attributes}
