"""The body of POST /v1/tx/{id}/refunds, as the API documents it."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from paylink.core.money import AMOUNT_MAX
from paylink.runtime.request_model import Metadata, fingerprint_of
from paylink.runtime.strict_body import StrictModel, Text, validate
from paylink.services.refunds import RefundOrder


class RefundRequest(StrictModel):
    """How much to give back, and why. `docs/api.md` explains each field."""

    amount: Annotated[int, Field(gt=0, le=AMOUNT_MAX)] | None = None
    reason: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    metadata: Metadata | None = None


def parse_refund(body: Any, transaction_id: UUID) -> RefundOrder:
    """
    Validate a parsed body.

    Raises:
        InvalidFields: With a problem for each field.
        MalformedRequest: The body is no JSON object.
    """
    request = validate(RefundRequest, body)
    return RefundOrder(
        amount=request.amount,
        reason=request.reason,
        metadata=request.metadata or {},
        fingerprint=fingerprint_of(request, transaction_id=str(transaction_id)),
    )
