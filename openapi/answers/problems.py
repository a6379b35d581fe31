"""Errors, as RFC 9457 has them."""

from typing import Annotated

from pydantic import Field

from openapi.answers.fields import Answer
from paylink.core.errors import PROBLEM_BASE
from paylink.runtime.strict_body import Described


class FieldProblem(Answer):
    """One field of a request that cannot be accepted."""

    field: Annotated[str, Field(description="A dotted path such as `customer.email`.")]
    message: Annotated[str, Field(description="What is needed instead, for people.")]


class Problem(Answer):
    """What went wrong. Go by `type`; the texts are for people."""

    type: Annotated[
        str,
        Described(format="uri", pattern=f"^{PROBLEM_BASE.replace('.', '[.]')}[a-z-]+$"),
        Field(description="Which problem it is: stable, and the address of its explanation."),
    ]
    title: Annotated[str, Field(description="The same in words.")]
    status: Annotated[int, Field(ge=400, le=599, description="The HTTP status.")]
    retryable: Annotated[bool, Field(description="Whether the same request may succeed later.")]
    detail: Annotated[str, Field(description="What went wrong this time.")] = ""
    errors: Annotated[list[FieldProblem], Field(description="The fields that cannot be accepted.")] = Field(
        default_factory=list
    )
