"""What the services work with: the parts beneath them, and what Lambda's glue implements for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from paylink.providers.port import Provider
from paylink.store.accounts import Accounts
from paylink.store.database import Database
from paylink.store.ids import new_id


class EventQueue(Protocol):
    """The way from intake to processing. Losing a message is allowed: the relay finds the event in Postgres."""

    def send(self, event_row_ids: Sequence[UUID], delay_s: float = 0) -> None:
        """
        Queue events for processing, not before `delay_s`; with more than 900 s nothing is queued, that is the relay's.
        Never raises; a failure is logged.
        """

    def send_dead(self, event_row_id: UUID, reason: str) -> bool:
        """Put a dead event's id and reason on the dead-letter queue, for people and alarms. Never raises."""

    def depth(self) -> int | None:
        """Return about how many messages wait; None when that cannot be learned. Never raises."""


class PullBudget(Protocol):
    """How often a provider may be asked: one budget for an account, whoever asks."""

    def wait_s(self, account_id: UUID, per_s: float) -> float:
        """Take the right to one question and return 0, or return the seconds until one's turn. Never raises."""


class AlertLog(Protocol):
    """Tells operators what a person must look at. `facts` hold ids and figures only."""

    def alert(self, kind: str, **facts: object) -> None: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Parts:
    """
    What every service works with, put together once (runtime/wiring.py).

    `log_failure` logs the exception being handled, with a row's column name and id. Time and identity are parts too,
    so that a test can choose them.
    """

    database: Database
    accounts: Accounts
    providers: Mapping[str, Provider]
    queue: EventQueue
    pulls: PullBudget
    alerts: AlertLog
    log_failure: Callable[[str, UUID], None]
    now: Callable[[], datetime] = utc_now
    new_id: Callable[[], UUID] = new_id
