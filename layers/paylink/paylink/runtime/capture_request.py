"""The body of POST /v1/tx/{id}/capture, as the API documents it."""

from typing import Annotated, Any

from pydantic import Field

from paylink.core.money import AMOUNT_MAX
from paylink.runtime.strict_body import StrictModel, validate


class CaptureRequest(StrictModel):
    """How much of the held money to collect. `docs/api.md` explains the field."""

    amount: Annotated[int, Field(gt=0, le=AMOUNT_MAX)] | None = None


def parse_capture(body: Any) -> int | None:
    """
    Return the amount of a parsed body, None for all of it.

    Raises:
        InvalidFields: With a problem for each field.
        MalformedRequest: The body is no JSON object.
    """
    return validate(CaptureRequest, body).amount
