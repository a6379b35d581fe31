"""The API's routes: path, fields, and what each does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paylink_sandbox.xendit import checks as check
from paylink_sandbox.xendit import invoice_fields, invoices, lists, refunds, transactions
from paylink_sandbox.xendit.account import Account
from paylink_sandbox.xendit.amounts import EXPONENTS
from paylink_sandbox.xendit.errors import XenditError, invalid
from paylink_sandbox.xendit.queries import Query


@dataclass(frozen=True)
class Call:
    """A request that passed its checks. given: the fields of its body."""

    account: Account
    object_id: str
    given: dict[str, Any]
    query: Query


@dataclass(frozen=True)
class Route:
    """
    `<id>` in the path becomes `Call.object_id`.

    fields: None where the body is not read. idempotent: the header `idempotency-key` counts. reports: errors are
    worded as at the balance and transaction endpoints.
    """

    method: str
    path: str
    run: Callable[[Call], Any]
    fields: check.Fields | None = None
    required: tuple[str, ...] = ()
    idempotent: bool = False
    reports: bool = False


def _transaction(call: Call) -> Any:
    kept = call.account.find("transaction", call.object_id)
    if kept is None:
        raise XenditError(404, "DATA_NOT_FOUND", "Could not find the transaction.")
    return transactions.current(call.account, kept)


def _balance(call: Call) -> Any:
    account_type = call.query.get("account_type", "CASH")
    currency = call.query.get("currency", "IDR")
    if currency not in EXPONENTS:
        raise invalid("currency", f"must be one of {', '.join(EXPONENTS)}")
    if account_type not in ("CASH", "HOLDING", "TAX"):
        raise invalid("account_type", "must be one of CASH, HOLDING, TAX")
    return {"balance": transactions.balance(call.account, currency) if account_type == "CASH" else 0}


ROUTES = (
    Route(
        "POST",
        "/v2/invoices",
        lambda call: invoices.create(call.account, call.given),
        invoice_fields.CREATE,
        invoice_fields.REQUIRED,
    ),
    Route("GET", "/v2/invoices", lambda call: lists.list_invoices(call.account, call.query)),
    Route("GET", "/v2/invoices/<id>", lambda call: invoices.get(call.account, call.object_id)),
    Route("POST", "/invoices/<id>/expire!", lambda call: invoices.expire(call.account, call.object_id)),
    Route("POST", "/refunds", lambda call: refunds.create(call.account, call.given), refunds.CREATE, idempotent=True),
    Route("GET", "/refunds", lambda call: lists.list_refunds(call.account, call.query)),
    Route("GET", "/refunds/<id>", lambda call: refunds.get(call.account, call.object_id)),
    Route("POST", "/refunds/<id>/cancel", lambda call: refunds.cancel(call.account, call.object_id), idempotent=True),
    Route("GET", "/v1/disputes", lambda call: lists.list_disputes(call.account, call.query)),
    Route("GET", "/transactions", lambda call: lists.list_transactions(call.account, call.query), reports=True),
    Route("GET", "/transactions/<id>", _transaction, reports=True),
    Route("GET", "/balance", _balance, reports=True),
)
