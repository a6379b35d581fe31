"""Fee agreements as they are stored: each stays, and the newest one counts."""

from uuid import UUID

from paylink.core.fees import FeeAgreement, FeeTerms
from paylink.store.ids import new_id
from paylink.store.unit_of_work import Row, UnitOfWork

_TERMS = ("percent_ppm", "fixed", "tax_ppm", "tolerance")


def read_agreements(uow: UnitOfWork, account_id: UUID) -> tuple[FeeAgreement, ...]:
    """Return all agreements of an account, of each currency the newest first."""
    return tuple(map(agreement_of, uow.all("list_fee_agreements", account_id=account_id)))


def agreement_of(row: Row) -> FeeAgreement:
    terms = None if row["percent_ppm"] is None else FeeTerms(**{name: row[name] for name in _TERMS})
    return FeeAgreement(row["currency"], row["valid_from"], terms)


def insert_agreement(uow: UnitOfWork, account_id: UUID, agreement: FeeAgreement, agreed_by: str) -> None:
    terms = dict.fromkeys(_TERMS) if agreement.terms is None else vars(agreement.terms)
    uow.run(
        "insert_fee_agreement",
        id=new_id(),
        account_id=account_id,
        currency=agreement.currency,
        valid_from=agreement.valid_from,
        agreed_by=agreed_by,
        **terms,
    )
