"""The body of POST /v1/checkout, as the API documents it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from paylink.core.errors import FieldProblem, InvalidFields
from paylink.core.money import AMOUNT_MAX, Money
from paylink.providers.payments import Item
from paylink.providers.port import PaymentMethod
from paylink.runtime.request_fields import Address, Currency, Email, Methods, Phone
from paylink.runtime.request_model import Metadata, fingerprint_of
from paylink.runtime.strict_body import StrictModel, Text, validate
from paylink.services.checkout_order import CheckoutOrder

AUTO = "auto"
"""Stands for no provider in particular: the merchant's routing decides."""

_ITEMS_MAX = 50


class CustomerFields(StrictModel):
    """The payer, as far as the merchant wants the provider to know."""

    name: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    email: Email | None = None
    phone: Phone | None = None


class ItemFields(StrictModel):
    """A line of the order, as the payer sees it."""

    name: Annotated[Text, Field(min_length=1, max_length=100)]
    quantity: Annotated[int, Field(gt=0, le=10_000)]
    unit_amount: Annotated[int, Field(gt=0, le=AMOUNT_MAX)]


class CheckoutRequest(StrictModel):
    """What to be paid, through whom, and where the payer goes afterwards. `docs/api.md` explains each field."""

    provider: Annotated[Text, Field(min_length=1, max_length=32)] | None = None
    amount: Annotated[int, Field(gt=0, le=AMOUNT_MAX)]
    currency: Currency
    order_reference: Annotated[Text, Field(min_length=1, max_length=64)]
    success_url: Address
    failure_url: Address | None = None
    description: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    customer: CustomerFields | None = None
    items: Annotated[list[ItemFields], Field(min_length=1, max_length=_ITEMS_MAX)] | None = None
    payment_methods: Methods | None = None
    metadata: Metadata | None = None
    expires_in_s: Annotated[int, Field(gt=0)] | None = None
    capture: Literal["automatic", "manual"] = "automatic"


def parse_checkout(body: Any) -> CheckoutOrder:
    """
    Validate a parsed body.

    Raises:
        InvalidFields: With a problem for each field.
        MalformedRequest: The body is no JSON object.
    """
    request = validate(CheckoutRequest, body)
    if request.provider == AUTO:
        request = request.model_copy(update={"provider": None})
    customer = request.customer or CustomerFields()
    items = tuple(Item(**item.model_dump()) for item in request.items or ())
    total = sum(item.quantity * item.unit_amount for item in items)
    if items and total != request.amount:
        problem = f"they add up to {total}, and the amount is {request.amount}"
        raise InvalidFields(fields=[FieldProblem("items", problem)])
    return CheckoutOrder(
        provider=request.provider,
        amount=Money(request.amount, request.currency),
        order_reference=request.order_reference,
        success_url=request.success_url,
        failure_url=request.failure_url,
        description=request.description,
        customer_name=customer.name,
        customer_email=customer.email,
        customer_phone=customer.phone,
        items=items,
        payment_methods=tuple(map(PaymentMethod, request.payment_methods or ())),
        metadata=request.metadata or {},
        expires_in_s=request.expires_in_s,
        fingerprint=fingerprint_of(request),
        manual_capture=request.capture == "manual",
    )
