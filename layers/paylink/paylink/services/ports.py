"""What the services need from outside and Lambda's glue implements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID


class EventQueue(Protocol):
    """The way from intake to processing. Losing a message is allowed: the relay finds the event in Postgres."""

    def send(self, event_row_ids: Sequence[UUID]) -> None:
        """Queue events for processing. Never raises; a failure is logged."""

    def send_dead(self, event_row_id: UUID, reason: str) -> None:
        """Put a dead event's id and reason on the dead-letter queue, for people and alarms. Never raises."""


class AlertLog(Protocol):
    """Tells operators what a person must look at. `facts` hold ids and figures only."""

    def alert(self, kind: str, **facts: object) -> None: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class World:
    """Time and identity, passed in so that they can be chosen in tests."""

    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
