"""The body of POST /v1/reconcile, as the API documents it."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from paylink.core.errors import FieldProblem, InvalidFields
from paylink.core.reconciliation import Repair, RunOrder
from paylink.runtime.query import read_moment
from paylink.runtime.strict_body import Described, StrictModel, Text, validate

SAMPLE_MAX = 1000


def _moment(text: str) -> str:
    read_moment(text)
    return text


Moment = Annotated[str, AfterValidator(_moment), Described(format="date-time")]


class RunRequest(StrictModel):
    """What to compare, and what to do about differences. `docs/reconciliation.md` explains each field."""

    provider: Annotated[Text, Field(min_length=1, max_length=32)] | None = None
    account: Annotated[Text, Field(min_length=1, max_length=63)] | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None
    repair: Literal["all", "none", "dry"] = "all"
    sample: Annotated[int, Field(ge=0, le=SAMPLE_MAX)] = 100
    settlements: bool = True


def parse_run(body: Any, merchant_id: UUID | None, started_by: str) -> RunOrder:
    """
    Return the run that a parsed body asks for.

    Raises:
        InvalidFields: With a problem for each field.
        MalformedRequest: The body is no JSON object.
    """
    asked = validate(RunRequest, body)
    created_from, created_to = (
        None if text is None else read_moment(text) for text in (asked.created_from, asked.created_to)
    )
    problems = _contradictions(asked, created_from, created_to)
    if problems:
        raise InvalidFields(fields=problems)
    return RunOrder(
        merchant_id,
        started_by,
        provider=asked.provider,
        account=asked.account,
        created_from=created_from,
        created_to=created_to,
        repair=Repair(asked.repair),
        sample=asked.sample,
        settlements=asked.settlements,
    )


def _read(moment: str | None) -> datetime | None:
    return None if moment is None else read_moment(moment)


def _contradictions(
    asked: RunRequest, created_from: datetime | None, created_to: datetime | None
) -> list[FieldProblem]:
    problems = []
    if asked.account is not None and asked.provider is None:
        problems.append(FieldProblem("provider", "needed with account: names are a provider's own"))
    if (created_from is None) != (created_to is None):
        missing = "created_from" if created_from is None else "created_to"
        problems.append(FieldProblem(missing, "both ends of the time are needed, or none"))
    elif created_from is not None and created_to is not None and created_from >= created_to:
        problems.append(FieldProblem("created_to", "must be after created_from"))
    return problems
