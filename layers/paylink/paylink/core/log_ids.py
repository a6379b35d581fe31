"""The ids that the lines of the log carry while a piece of work goes on, each under its one name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from uuid import UUID

from paylink.core.tracing import current_span

REQUEST_ID = "request_id"
TRACE_ID = "trace_id"
LOG_IDS = (
    REQUEST_ID,
    TRACE_ID,
    "transaction_id",
    "attempt_id",
    "refund_id",
    "event_row_id",
    "event_id",
    "run_id",
    "account_id",
    "merchant_id",
)
"""Every name of an id; docs/logging.md says what each is."""

_ids: ContextVar[Mapping[str, str]] = ContextVar("log_ids", default=MappingProxyType({}))


@contextmanager
def log_ids(**ids: UUID | str | None) -> Iterator[None]:
    """
    Have every line that this thread logs within the block carry these ids, beside those that it has already; the
    current span carries them too.
    """
    given = {name: str(value) for name, value in ids.items() if value is not None}
    span = current_span()
    if span is not None:
        for name, value in given.items():
            span.set(f"paylink.{name}", value)
    token = _ids.set({**_ids.get(), **given})
    try:
        yield
    finally:
        _ids.reset(token)


def current_log_ids() -> Mapping[str, str]:
    """Return the ids of the work that this thread does."""
    return _ids.get()
