"""What a reconciliation run is asked for. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

BY_COMMAND = "command"
BY_SCHEDULE = "schedule"

UNDER_WAY_MAX = 5
"""Runs that one merchant's keys may have under way. More would end no sooner: they ask from one budget per account."""
SELECTED_MAX = 1_000_000
"""Transactions of one of these: about what a provider answers about in the time that a run has."""


class Repair(StrEnum):
    """What a run does about a difference that the state machine can settle."""

    ALL = "all"
    NONE = "none"
    """It stays open for a person."""
    DRY = "dry"
    """The same, and it is told in the run alone: nothing is opened."""


@dataclass(frozen=True)
class RunOrder:
    """
    What to compare. `merchant_id` None: everybody's. Without a time (both ends or none, by creation, the end not
    included): what may have changed unheard, what an answer has left open, and a sample of the rest; with `due_only` of
    the first what is due, and of the second what has changed since.
    Without `statuses` no transaction is asked about; with `settlements` lines are got and matched: with `due_only` of
    accounts whose lines were not matched for a day.
    """

    merchant_id: UUID | None
    started_by: str
    provider: str | None = None
    account: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    repair: Repair = Repair.ALL
    due_only: bool = False
    sample: int = 100
    statuses: bool = True
    settlements: bool = True

    @property
    def is_merchants(self) -> bool:
        """Whether a merchant's key asks for it: what merchants start does not bind operators and the schedule."""
        return self.merchant_id is not None and self.started_by not in (BY_COMMAND, BY_SCHEDULE)

    @property
    def selected_max(self) -> int | None:
        """Of how many transactions it may be; None: of any number."""
        return SELECTED_MAX if self.is_merchants else None

    @property
    def scope(self) -> str:
        """Two runs of one scope would do the same work."""
        times = [moment and moment.isoformat() for moment in (self.created_from, self.created_to)]
        asked = (
            self.merchant_id,
            self.provider,
            self.account,
            *times,
            "due" if self.due_only else None,
            self.statuses,
            self.settlements,
        )
        return " ".join("-" if part is None else str(part) for part in asked)
