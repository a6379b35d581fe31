"""
Whether this process traces, and which requests, runs and batches: decided here, once for each, for all of their way.

Without an endpoint nothing else of tracing is imported.
"""

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from paylink.runtime.process_metrics import Handler
from paylink.runtime.secret_bundle import BUNDLE, read_bundle

if TYPE_CHECKING:
    from paylink.runtime.tracer import Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"

_tracer: "Tracer | None" = None
_chosen = False
_lock = threading.Lock()


def use_tracer(tracer: "Tracer | None") -> None:
    """Choose how this process traces; None: not at all."""
    global _tracer, _chosen
    _tracer, _chosen = tracer, True


def process_tracer() -> "Tracer | None":
    """Return how this process traces, by its environment unless it was chosen; None where it does not."""
    if not _chosen:
        with _lock:
            if not _chosen:
                use_tracer(_own(os.environ))
    return _tracer


def traced_requests(handle: Handler) -> Handler:
    """Return a handler that also traces the requests among its events that are sampled."""

    def trace(event: Any, context: Any) -> Any:
        tracer = process_tracer()
        # A scheduled run is sampled where it is begun.
        if tracer is None or "requestContext" not in event or not tracer.sample():
            return handle(event, context)
        from paylink.runtime.request_traces import trace_request

        return trace_request(tracer, handle, event, context)

    return trace


def _own(environ: Mapping[str, str]) -> "Tracer | None":
    """What is wrong with the settings is told where all of them are read; then nothing is traced."""
    try:
        # Not all of it is in the environment yet: this comes before the settings are read.
        known = {**environ, **read_bundle(environ.get(BUNDLE, ""))}
        if not (known.get(ENDPOINT) or known.get(TRACES_ENDPOINT)):
            return None
        from paylink.runtime.trace_settings import TraceSettings

        settings = TraceSettings.from_environ(known)
    except ValueError:
        return None
    if settings is None:
        return None
    import atexit

    from paylink.runtime.trace_export import SpanExporter
    from paylink.runtime.tracer import Tracer

    exporter = SpanExporter(settings)
    atexit.register(exporter.close)
    return Tracer(settings.ratio, exporter)
