"""Calls to capture, each noted before it is made: which of them may have captured, for all that is known."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from paylink.store.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class CaptureCall:
    """
    One call to capture, named by when it began.

    `before` is when the last call before it began that may have captured, `quiet_s` the seconds since then; None when
    there surely was none.
    """

    began_at: datetime
    before: datetime | None
    quiet_s: float | None


def note_call(uow: UnitOfWork, transaction_id: UUID) -> CaptureCall:
    """Note that a call begins. The row must be locked."""
    return CaptureCall(**uow.one("note_capture_call", id=transaction_id))


def take_back_call(uow: UnitOfWork, transaction_id: UUID, call: CaptureCall) -> bool:
    """Note that a call surely captured nothing; False when another one has begun since."""
    names = {"id": transaction_id, "began_at": call.began_at, "before": call.before}
    return uow.first("take_back_capture_call", **names) is not None


def forget_capture(uow: UnitOfWork, transaction_id: UUID) -> None:
    """Have nobody go on with a capture. The row must be locked, and no call may have captured."""
    uow.run("forget_capture", id=transaction_id)
