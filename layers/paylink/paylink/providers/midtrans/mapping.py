"""Midtrans' transactions put into our terms. Pure: no I/O, no clock."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from paylink.core.states import Dispute, Evidence, Source, State
from paylink.providers.answers import word
from paylink.providers.midtrans.money import from_midtrans_amount
from paylink.providers.midtrans.references import order_of, references_of
from paylink.providers.midtrans.refunds import own_refunds, refundable_of
from paylink.providers.payments import Payment, PaymentQuery, Reference, Refund
from paylink.providers.port import UnreadableEvent

NOT_BEGUN = "not_begun"
LAST_CHOICE_GRACE = timedelta(minutes=2)
"""How long after a page's end a choice of the last second may still become known."""

CHARGEBACKS = frozenset({"chargeback", "partial_chargeback"})
STATUSES = CHARGEBACKS | {
    *("pending", "authorize", "capture", "settlement", "deny", "failure", "cancel", "expire"),
    *("refund", "partial_refund"),
}
"""All that Midtrans documents."""
_PAID_AT_A_BANK = frozenset({"bank_transfer", "echannel", "cstore"})
"""Kinds of payment that cannot be refused while they are tried: their `deny` is a bank that takes the money back."""


def state_of(transaction: dict[str, Any]) -> State:
    """
    Return the base state of a transaction as answers and webhooks tell it; case does not matter.

    Raises:
        UnreadableEvent: A combination that Midtrans does not document. It is never taken for paid or failed.
    """
    status, fraud = status_of(transaction), _fraud_of(transaction)
    match status, fraud:
        case "pending", _:
            return State.PENDING
        case "authorize" | "capture", "challenge":
            return State.AUTHORIZED
        case "authorize", None | "accept":
            return State.AUTHORIZED
        case "capture" | "settlement", None | "accept" if transaction["status_code"] == "200":
            return State.PAID
        case "refund" | "partial_refund" | "chargeback" | "partial_chargeback", _:
            return State.PAID
        case "capture", "deny":
            return State.FAILED
        case "deny" | "failure", _:
            return State.FAILED
        case "cancel", _:
            return State.CANCELLED
        case "expire", _:
            return State.EXPIRED
    raise UnreadableEvent(f"unknown status {status[:40]}/{(fraud or '-')[:40]}")


def status_of(transaction: dict[str, Any]) -> str:
    return word(transaction["transaction_status"]).lower()


def _fraud_of(transaction: dict[str, Any]) -> str | None:
    fraud = transaction.get("fraud_status")
    return None if fraud in (None, "") else word(fraud).lower()


def is_held(transaction: dict[str, Any]) -> bool:
    """Tell whether money waits to be captured. Under review a person decides first."""
    return status_of(transaction) == "authorize" and _fraud_of(transaction) in (None, "accept")


def provider_status_of(transaction: dict[str, Any]) -> str:
    """Return the raw status, with the fraud check's where it is told: `capture/challenge`."""
    fraud = transaction.get("fraud_status")
    status = word(transaction["transaction_status"])
    return status if fraud in (None, "") else f"{status}/{word(fraud)}"


def payment_of(answers: Sequence[dict[str, Any]], *, expires_at: datetime, asked_at: datetime) -> Payment:
    """
    Map what is known of an order, the deciding transaction first; further ones of it lend their references, and those
    that hold money too, of whichever order, are told in `also_paid`.

    Raises:
        UnreadableEvent: A status is none that Midtrans documents.
        LookupError, ValueError: A field is not there or has another form.
    """
    transaction = answers[0]
    tries = [answer for answer in answers if order_of(answer) == order_of(transaction)]
    more_money = [answer for answer in answers[1:] if state_of(answer) is State.PAID and status_of(answer) != "refund"]
    amount = from_midtrans_amount(transaction["gross_amount"], transaction.get("currency"))
    state = state_of(transaction)
    evidence = Evidence(state, Source.PULL)
    if state is State.PAID:
        disputed = status_of(transaction) in CHARGEBACKS
        evidence = replace(money_told(transaction, amount.amount, Source.PULL), no_dispute=not disputed)
    elif asked_at < expires_at and leaves_page_open(transaction):
        evidence = Evidence(State.PENDING, Source.PULL)
    return Payment(
        references=tuple(dict.fromkeys(reference for answer in tries for reference in references_of(answer))),
        evidence=evidence,
        amount=amount,
        provider_status=provider_status_of(transaction),
        checkout_url=None,
        expires_at=_time(transaction.get("expiry_time")),
        also_paid=_others(more_money, references_of(transaction)),
        refunds=_refunds_behind(transaction, evidence),
        refundable=refundable_of(transaction) if state is State.PAID else None,
    )


def _refunds_behind(transaction: dict[str, Any], evidence: Evidence) -> tuple[Refund, ...] | None:
    """Return our refunds that the sum is made of; None where Midtrans tells a sum alone, or no sum."""
    if not evidence.refunded:
        return None if evidence.refunded is None else ()
    return own_refunds(transaction) if transaction.get("refunds") else None


def _others(transactions: Sequence[dict[str, Any]], but: Sequence[Reference]) -> tuple[Reference, ...]:
    named = dict.fromkeys(reference for transaction in transactions for reference in references_of(transaction))
    return tuple(reference for reference in named if reference not in but)


def paid_at(transaction: dict[str, Any]) -> datetime:
    """
    Return when the money came, late where that is not told; it does not change as the transaction goes on.

    A card has paid when it is charged, which may be long before it settles.
    """
    charged = transaction.get("payment_type") == "credit_card"
    names = ("transaction_time", "settlement_time") if charged else ("settlement_time", "transaction_time")
    times = [time for name in names if (time := _time(transaction.get(name)))]
    return times[0] if times else datetime.max.replace(tzinfo=UTC)


def was_taken_back(transaction: dict[str, Any]) -> bool:
    """Tell whether money surely was there once, and is not any more: a bank took back what it had settled."""
    return status_of(transaction) == "deny" and bool(transaction.get("settlement_time"))


def leaves_page_open(transaction: dict[str, Any]) -> bool:
    """
    Tell whether the payer may try again on the same page: a card or wallet was refused.

    Midtrans' samples say of `deny` that it "allows payment retries and later can become success". Not so where money
    was held or settled before: at a bank or a store, where a settlement or a bank's approval is told, and where a fraud
    check asked for a review or said no.
    """
    return (
        status_of(transaction) == "deny"
        and transaction.get("payment_type") not in _PAID_AT_A_BANK
        and not transaction.get("settlement_time")
        and not transaction.get("approval_code")
        and _fraud_of(transaction) in (None, "accept")
    )


def payment_not_begun(attempt: Reference, query: PaymentQuery) -> Payment:
    """Return the payment of a page on which nothing was chosen yet: Midtrans knows no transaction before that."""
    over = query.asked_at >= query.expires_at + LAST_CHOICE_GRACE
    return Payment(
        references=(attempt,),
        evidence=Evidence(State.EXPIRED if over else State.PENDING, Source.PULL),
        amount=query.amount,
        provider_status=NOT_BEGUN,
        checkout_url=None,
        expires_at=query.expires_at,
        seen=False,
    )


def money_told(transaction: dict[str, Any], captured: int, source: Source) -> Evidence:
    """
    Return what a transaction with money tells of it.

    Midtrans tells no outcome of a chargeback: it stays open until a person closes it.
    """
    disputed = status_of(transaction) in CHARGEBACKS
    return Evidence(
        State.PAID,
        source,
        captured=captured,
        refunded=_refunded(transaction, captured),
        dispute=Dispute.OPEN if disputed else None,
    )


def _refunded(transaction: dict[str, Any], captured: int) -> int | None:
    """Return the sum of all refunds, each counted once; None for a chargeback that does not tell of any."""
    status, refunds = status_of(transaction), transaction.get("refunds")
    if status in ("capture", "settlement"):
        return 0
    if refunds:
        # A refund is told again when the bank has confirmed it.
        by_id = {str(refund.get("refund_chargeback_id") or f"row {row}"): refund for row, refund in enumerate(refunds)}
        return sum(from_midtrans_amount(refund["refund_amount"]).amount for refund in by_id.values())
    if status in CHARGEBACKS:
        return None
    if transaction.get("refund_amount") is None and status == "refund":
        return captured
    return from_midtrans_amount(transaction["refund_amount"]).amount


def _time(value: object) -> datetime | None:
    """
    Return a time as Midtrans writes it, `2026-01-02 07:03:10` in western Indonesia (+0700).

    None when it is not told, or in another form: no money depends on it, so it hides none.
    """
    try:
        return datetime.strptime(f"{value} +0700", "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
