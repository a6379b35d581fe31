"""Which problems an operation may answer with, grouped by status."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from openapi.answers.problems import Problem
from openapi.headers import headers
from openapi.operation import Operation, Problems
from openapi.schemas import reference
from paylink.core import errors
from paylink.core.errors import PROBLEM_BASE, PayLinkError

_ALWAYS: Problems = (
    errors.MalformedRequest,
    errors.RequestTimeout,
    errors.PayloadTooLarge,
    errors.HeadersTooLarge,
    PayLinkError,
    errors.FunctionFailed,
    errors.StorageUnavailable,
    errors.Overloaded,
    errors.FunctionTimeout,
)
_KEYED: Problems = (
    errors.Unauthenticated,
    errors.Forbidden,
    errors.InvalidFields,
    errors.RateLimited,
    errors.TooManyBadKeys,
)
_WAIT = frozenset({409, 429, 503})


def problems_of(operation: Operation) -> Problems:
    found = [*_ALWAYS, *operation.problems]
    if operation.caller != "nobody":
        found += _KEYED
    if operation.caller in ("merchant", "either"):
        found.append(errors.MerchantSuspended)
    if operation.once:
        found.append(errors.IdempotencyKeyMissing)
    if operation.method != "GET" and not operation.raw_body:
        found.append(errors.UnsupportedMediaType)
    return tuple(sorted(set(found), key=lambda error: (error.status, error.slug)))


class ProblemResponses:
    """The `components.responses` that operations share: one for each set of problems with one status."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def of(self, operation: Operation) -> dict[str, Any]:
        """Return an operation's responses, by status."""
        grouped = groupby(problems_of(operation), key=lambda error: error.status)
        return {str(status): self._shared(status, list(found)) for status, found in grouped}

    def _shared(self, status: int, found: list[type[PayLinkError]]) -> Mapping[str, str]:
        name = "Or".join("".join(word.title() for word in error.slug.split("-")) for error in found)
        self.components[name] = {
            "description": _described(found),
            "headers": headers(
                *(["WWW-Authenticate"] if status == 401 else ["Retry-After"] if status in _WAIT else [])
            ),
            "content": {
                "application/problem+json": {
                    "schema": {
                        **reference(Problem),
                        "properties": {"type": {"enum": [PROBLEM_BASE + e.slug for e in found]}},
                    },
                }
            },
        }
        return {"$ref": f"#/components/responses/{name}"}


def _described(found: Iterable[type[PayLinkError]]) -> str:
    return " ".join(f"[`{error.slug}`](errors.md#{error.slug}): {error.title}." for error in found)
