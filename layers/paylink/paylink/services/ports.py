"""What the services work with: the parts beneath them, and what Lambda's glue implements for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from paylink.core.errors import NotSupported
from paylink.core.metrics import Metrics, Unobserved
from paylink.core.tracing import NO_TRACES, Traces
from paylink.store.accounts import Accounts
from paylink.store.database import Database
from paylink.store.ids import new_id

if TYPE_CHECKING:
    from paylink.core.breaker import Permit
    from paylink.providers.port import Provider, Signature
    from paylink.store.idempotency import KeyName, Snapshot


class EventQueue(Protocol):
    """The way from intake to processing. Losing a message is allowed: the relay finds the event in Postgres."""

    def send(self, event_row_ids: Sequence[UUID], delay_s: float = 0, traces: Traces = NO_TRACES) -> None:
        """
        Queue events for processing, not before `delay_s`; with more than 900 s nothing is queued, that is the relay's.
        The traces of those in `traces` go on where they are processed. Never raises; a failure is logged.
        """

    def send_dead(self, event_row_id: UUID, reason: str) -> bool:
        """Put a dead event's id and reason on the dead-letter queue, for people and alarms. Never raises."""

    def depth(self) -> int | None:
        """Return about how many messages wait; None when that cannot be learned. Never raises."""


class PullBudget(Protocol):
    """How often a provider may be asked: one budget for an account, whoever asks."""

    def wait_s(self, account_id: UUID, per_s: float) -> float:
        """Take the right to one question and return 0, or return the seconds until one's turn. Never raises."""

    def take(self, account_id: UUID, per_s: float, count: int) -> int:
        """Take the right to as many of so many questions as may be asked at once; return to how many. Never raises."""


class Breakers(Protocol):
    """The circuit breakers of provider accounts. None of it ever raises."""

    def admit(self, account_id: UUID) -> "Permit":
        """Tell whether this account's provider may be called now, or in how long."""

    def report(self, account_id: UUID, permit: "Permit", *, worked: bool) -> None:
        """Tell how the call ended that was permitted."""

    def release(self, account_id: UUID, permit: "Permit") -> None:
        """Give a permit back whose call was not made."""

    def states(self, account_ids: Sequence[UUID]) -> list[str]:
        """Return `closed`, `open` or `half_open` for each account."""


class RememberedAnswers(Protocol):
    """Finished answers of idempotency keys, near at hand. One that is forgotten is read from Postgres. Never raises."""

    def find(self, name: "KeyName") -> "tuple[bytes, Snapshot] | None":
        """Return the fingerprint of the request that a key stands for, and its answer; None when it is not known."""

    def remember(self, name: "KeyName", fingerprint: bytes, snapshot: "Snapshot") -> None: ...


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
    providers: "Mapping[str, Provider]"
    signatures: "Mapping[str, Signature]"
    queue: EventQueue
    pulls: PullBudget
    alerts: AlertLog
    log_failure: Callable[[str, UUID], None]
    now: Callable[[], datetime] = utc_now
    new_id: Callable[[], UUID] = new_id
    metrics: Metrics = field(default_factory=Unobserved)

    def enabled(self, provider: str) -> "Provider":
        """
        Return the provider of what is stored.

        Raises:
            NotSupported: It is not enabled any more.
        """
        found = self.providers.get(provider)
        if found is None:
            raise NotSupported(f"{provider} is not enabled here any more")
        return found
