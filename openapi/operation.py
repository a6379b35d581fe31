"""One operation of the API, as the document tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel

from paylink.core.errors import PayLinkError
from paylink.runtime.query import Reader


class Tag(StrEnum):
    PAYMENTS = "Payments"
    REFUNDS = "Refunds"
    RECONCILIATION = "Reconciliation"
    EVENTS = "Events"
    OPERATORS = "Operators"
    WEBHOOKS = "Webhooks"
    HEALTH = "Health"


Caller = Literal["merchant", "operator", "either", "nobody"]
"""Whose key an operation takes; `nobody`: none."""

Problems = tuple[type[PayLinkError], ...]


@dataclass(frozen=True)
class Parameter:
    """A parameter of the path or the query. `schema` is JSON Schema, and `style` OpenAPI's keywords beside it."""

    name: str
    description: str
    schema: Mapping[str, Any]
    style: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answered:
    """
    An answer that is no problem. `model` None: text that is not JSON.

    links: by name, the operation that comes next, and its path's parameters as runtime expressions.
    """

    status: int
    description: str
    model: type[BaseModel] | None
    headers: tuple[str, ...] = ()
    links: Mapping[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """
    `method` and `path` as in template.yaml; `name` is the operation's id.

    body: the model of the JSON body; None: the body is empty or `{}`, where the method has one. `raw_body`: any bytes.
    body_optional: no body is an empty object.
    once: needs an Idempotency-Key.
    query: the readers of its parameters, as its function reads them, and `query_notes` what each means.
    problems: those of its own. Those that every operation may have are not listed.
    """

    method: str
    path: str
    name: str
    tag: Tag
    summary: str
    description: str
    answers: tuple[Answered, ...]
    caller: Caller = "nobody"
    scope: str | None = None
    body: type[BaseModel] | None = None
    body_optional: bool = False
    raw_body: bool = False
    once: bool = False
    query: Mapping[str, Reader] = field(default_factory=dict)
    query_notes: Mapping[str, str] = field(default_factory=dict)
    problems: Problems = ()
