"""What providers may keep of payments: agreed by operators, and compared with what settlement lines tell."""

import re
from typing import Any
from uuid import UUID

from paylink.core.errors import FieldProblem, InvalidFields, NotFound
from paylink.core.fees import FeeAgreement, FeeTerms
from paylink.core.money import AMOUNT_MAX
from paylink.services.operator import Operator
from paylink.services.times import iso
from paylink.store.audit import write_audit
from paylink.store.database import Database
from paylink.store.fees import insert_agreement
from paylink.store.unit_of_work import UnitOfWork

_CURRENCY = re.compile(r"[A-Z]{3}\Z", re.ASCII)
_MOST = {"percent_ppm": 10**6, "fixed": AMOUNT_MAX, "tax_ppm": 10**6, "tolerance": AMOUNT_MAX}


class FeeAgreements:
    """Each method raises StorageUnavailable when the database cannot answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def show(self, account_id: UUID) -> dict[str, Any]:
        """
        Return all agreements of an account, of each currency the one that counts last first.

        Raises:
            NotFound: There is no such account.
        """
        return self._database.run(lambda uow: _shown(uow, account_id))

    def agree(self, account_id: UUID, agreement: FeeAgreement, by: Operator) -> dict[str, Any]:
        """
        Add an agreement, which counts for lines that occur from its time on; those before stay as they are.

        Raises:
            InvalidFields: A figure is out of its range, or the currency is none.
            NotFound: There is no such account.
        """
        _check(agreement)

        def work(uow: UnitOfWork) -> dict[str, Any]:
            row = uow.first("lock_account", id=account_id)
            if row is None:
                raise _no_such()
            insert_agreement(uow, account_id, agreement, by.name)
            terms = None if agreement.terms is None else vars(agreement.terms)
            write_audit(
                uow,
                "account.fees_agreed",
                made_by=by.name,
                subject_id=account_id,
                merchant_id=row["merchant_id"],
                currency=agreement.currency,
                valid_from=iso(agreement.valid_from),
                terms=terms,
            )
            return _shown(uow, account_id)

        return self._database.run(work)


def _check(agreement: FeeAgreement) -> None:
    problems = []
    if not _CURRENCY.match(agreement.currency):
        problems.append(FieldProblem("currency", "three upper-case letters are needed"))
    for name, value in vars(agreement.terms or FeeTerms(0, 0, 0, 0)).items():
        if type(value) is not int or not 0 <= value <= _MOST[name]:
            problems.append(FieldProblem(name, f"a whole number from 0 to {_MOST[name]} is needed"))
    if problems:
        raise InvalidFields(fields=problems)


def _shown(uow: UnitOfWork, account_id: UUID) -> dict[str, Any]:
    if uow.first("read_account", id=account_id) is None:
        raise _no_such()
    rows = uow.all("list_fee_agreements", account_id=account_id)
    times = ("valid_from", "created_at")
    return {"fees": [row | {name: iso(row[name]) for name in times} for row in rows]}


def _no_such() -> NotFound:
    return NotFound("there is no such account")
