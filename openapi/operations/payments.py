"""Checkouts and the transactions that they make."""

from openapi.answers import transactions as answers
from openapi.operation import Answered, Operation, Tag
from openapi.operations.notes import PAGE, SPAN
from paylink.core import errors
from paylink.runtime import transaction_query
from paylink.runtime.capture_request import CaptureRequest
from paylink.runtime.checkout_request import CheckoutRequest

_OF_TRANSACTION = {"transaction_id": "$response.body#/id"}
_NEXT = {
    "transaction": ("get_transaction", _OF_TRANSACTION),
    "refund": ("refund_transaction", _OF_TRANSACTION),
    "refunds": ("list_refunds", _OF_TRANSACTION),
    "cancel": ("cancel_transaction", _OF_TRANSACTION),
    "capture": ("capture_transaction", _OF_TRANSACTION),
}
_AGAIN = {"transaction": ("get_transaction", _OF_TRANSACTION)}

OPERATIONS = (
    Operation(
        "POST",
        "/v1/checkout",
        "create_checkout",
        Tag.PAYMENTS,
        "Create a payment page",
        "Makes a transaction and its page at a provider, once per `Idempotency-Key`, however often it is sent.",
        answers=(
            Answered(
                201,
                "The page is there: send the payer to `checkout_url`. It is null when the transaction has ended, or "
                "was asked to be cancelled, before the page could be told.",
                answers.Checkout,
                ("Location", "Idempotency-Replayed"),
                _NEXT,
            ),
            Answered(
                202,
                "It is not known yet whether the provider made a page: `checkout_url` is null. "
                "Send the same request with the same key again after a few seconds.",
                answers.Checkout,
                ("Location", "Idempotency-Replayed"),
                _AGAIN,
            ),
        ),
        caller="merchant",
        scope="checkout:write",
        body=CheckoutRequest,
        once=True,
        problems=(
            errors.IdempotencyKeyReused,
            errors.RequestInProgress,
            errors.NotSupported,
            errors.ProviderRefused,
            errors.ProviderUnreachable,
        ),
    ),
    Operation(
        "GET",
        "/v1/tx",
        "list_transactions",
        Tag.PAYMENTS,
        "List transactions",
        "Your transactions, the newest first, by any mix of filters. "
        "A page may hold fewer than `limit`, even none, and still have a next one.",
        answers=(Answered(200, "A page.", answers.TransactionList),),
        caller="merchant",
        scope="tx:read",
        query=transaction_query.READERS,
        query_notes=PAGE
        | {name: f"When it was created. {note}" for name, note in SPAN.items()}
        | {
            "state": "One or more states, joined by commas.",
            "provider": "The provider's short name.",
            "currency": "ISO 4217, upper case.",
            "order_reference": "Your own name for the order.",
            "amount": "This amount exactly; needs `currency`, and no bounds beside it.",
            "amount_min": "Amounts from; needs `currency`.",
            "amount_max": "Amounts up to; needs `currency`.",
        },
    ),
    Operation(
        "GET",
        "/v1/tx/{transaction_id}",
        "get_transaction",
        Tag.PAYMENTS,
        "Show a transaction",
        "One transaction with its attempts, history, refunds and events, and what can be done from here.",
        answers=(Answered(200, "The transaction.", answers.Transaction),),
        caller="merchant",
        scope="tx:read",
        problems=(errors.NotFound,),
    ),
    Operation(
        "POST",
        "/v1/tx/{transaction_id}/cancel",
        "cancel_transaction",
        Tag.PAYMENTS,
        "Cancel a transaction",
        "Closes the payment page, or releases the money that is held. Again changes nothing more.",
        answers=(
            Answered(200, "Nobody can pay it any more.", answers.CancelledTransaction),
            Answered(202, "It is not done yet; PayLink goes on trying.", answers.CancelledTransaction),
        ),
        caller="merchant",
        scope="checkout:write",
        problems=(errors.NotFound, errors.WrongState, errors.NotSupported),
    ),
    Operation(
        "POST",
        "/v1/tx/{transaction_id}/capture",
        "capture_transaction",
        Tag.PAYMENTS,
        "Capture held money",
        "Collects the money of an `authorized` transaction that was created with `capture: manual`. "
        "What is left over is released.",
        answers=(
            Answered(200, "Captured, now or before.", answers.CapturedTransaction),
            Answered(202, "It is not known yet; PayLink finds out.", answers.CapturedTransaction),
        ),
        caller="merchant",
        scope="checkout:write",
        body=CaptureRequest,
        body_optional=True,
        problems=(
            errors.NotFound,
            errors.WrongState,
            errors.NotSupported,
            errors.ProviderRefused,
            errors.ProviderUnreachable,
        ),
    ),
)
