"""Refunds of a transaction."""

from openapi.answers import refunds as answers
from openapi.operation import Answered, Operation, Tag
from paylink.core import errors
from paylink.runtime.refund_request import RefundRequest

_NEXT = {
    "refund": (
        "get_refund",
        {"transaction_id": "$response.body#/transaction_id", "refund_id": "$response.body#/id"},
    ),
    "refunds": ("list_refunds", {"transaction_id": "$response.body#/transaction_id"}),
}

OPERATIONS = (
    Operation(
        "POST",
        "/v1/tx/{transaction_id}/refunds",
        "refund_transaction",
        Tag.REFUNDS,
        "Give money back",
        "Once per `Idempotency-Key`. Without a body, all that is left.",
        answers=(
            Answered(201, "The provider took it.", answers.Refund, ("Location", "Idempotency-Replayed"), _NEXT),
            Answered(
                202,
                "It is not known yet whether the provider took it; PayLink finds out.",
                answers.Refund,
                ("Location", "Idempotency-Replayed"),
                _NEXT,
            ),
        ),
        caller="merchant",
        scope="refund:write",
        body=RefundRequest,
        body_optional=True,
        once=True,
        problems=(
            errors.NotFound,
            errors.WrongState,
            errors.RequestInProgress,
            errors.RefundTooLarge,
            errors.NotSupported,
            errors.ProviderRefused,
            errors.IdempotencyKeyReused,
            errors.ProviderUnreachable,
        ),
    ),
    Operation(
        "GET",
        "/v1/tx/{transaction_id}/refunds",
        "list_refunds",
        Tag.REFUNDS,
        "List a transaction's refunds",
        "Those that were made through PayLink.",
        answers=(Answered(200, "The refunds.", answers.RefundList),),
        caller="merchant",
        scope="tx:read",
        problems=(errors.NotFound,),
    ),
    Operation(
        "GET",
        "/v1/tx/{transaction_id}/refunds/{refund_id}",
        "get_refund",
        Tag.REFUNDS,
        "Show a refund",
        "One refund with its history.",
        answers=(Answered(200, "The refund.", answers.RefundWithHistory),),
        caller="merchant",
        scope="tx:read",
        problems=(errors.NotFound,),
    ),
)
