"""The trail of what operators changed. It is written in the transaction that changes, and is append-only."""

from uuid import UUID

from psycopg2.extras import Json

from paylink.store.ids import new_id
from paylink.store.unit_of_work import UnitOfWork


def write_audit(
    uow: UnitOfWork,
    action: str,
    *,
    made_by: str,
    subject_id: UUID | None = None,
    merchant_id: UUID | None = None,
    **details: object,
) -> None:
    """Note a change. `made_by` is a key's prefix, or `command`. Never put a secret into `details`."""
    uow.run(
        "insert_audit",
        id=new_id(),
        made_by=made_by,
        action=action,
        subject_id=subject_id,
        merchant_id=merchant_id,
        details=Json(details),
    )
