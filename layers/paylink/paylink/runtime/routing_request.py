"""The body of PUT /v1/merchants/{id}/routing, as the API documents it."""

from typing import Annotated, Any

from pydantic import Field

from paylink.core.money import AMOUNT_MAX
from paylink.runtime.request_fields import Currency, Methods
from paylink.runtime.strict_body import StrictModel, Text, validate
from paylink.services.routing import RuleDraft, TargetDraft

_RULES_MAX = 100
_ACCOUNTS_MAX = 20
_WEIGHT_MAX = 1000


class TargetFields(StrictModel):
    """An account that takes part in a rule, by its provider and its name."""

    provider: Annotated[Text, Field(min_length=1, max_length=32)]
    account: Annotated[Text, Field(min_length=1, max_length=63)]
    weight: Annotated[int, Field(ge=0, le=_WEIGHT_MAX)] | None = None


class RuleFields(StrictModel):
    """The accounts of those orders that meet every condition."""

    currency: Currency | None = None
    amount_min: Annotated[int, Field(gt=0, le=AMOUNT_MAX)] | None = None
    amount_max: Annotated[int, Field(gt=0, le=AMOUNT_MAX)] | None = None
    payment_methods: Methods | None = None
    accounts: Annotated[list[TargetFields], Field(min_length=1, max_length=_ACCOUNTS_MAX)]


class RoutingRequest(StrictModel):
    """All rules, in their order. With `version`, they replace that version only."""

    rules: Annotated[list[RuleFields], Field(max_length=_RULES_MAX)]
    version: Annotated[int, Field(ge=0)] | None = None


def parse_routing(body: Any) -> tuple[list[RuleDraft], int | None]:
    """
    Validate a parsed body; return its rules, and the version that they are for.

    Raises:
        InvalidFields: With a problem for each field.
        MalformedRequest: The body is no JSON object.
    """
    request = validate(RoutingRequest, body)
    return [_draft(rule) for rule in request.rules], request.version


def _draft(rule: RuleFields) -> RuleDraft:
    return RuleDraft(
        currency=rule.currency,
        amount_min=rule.amount_min,
        amount_max=rule.amount_max,
        payment_methods=tuple(rule.payment_methods or ()),
        accounts=tuple(TargetDraft(one.provider, one.account, one.weight) for one in rule.accounts),
    )
