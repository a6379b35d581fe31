"""The body of POST /v1/checkout, as the API documents it."""

import hashlib
import json
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from paylink.core.errors import FieldProblem, IdempotencyKeyMissing, InvalidFields, MalformedRequest
from paylink.core.money import AMOUNT_MAX, Money
from paylink.services.checkout import CheckoutOrder

_METADATA_MAX = 20
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z", re.ASCII)
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not allowed")
    return text


def _return_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("an https address is needed")
    if parts.scheme == "http" and parts.hostname not in _LOCAL_HOSTS:
        raise ValueError("an https address is needed; plain http is for localhost only")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a user name is not allowed")
    if not text.isascii() or " " in text:
        raise ValueError("an address is ASCII without spaces; encode the rest as %XX")
    return text


def _email(text: str) -> str:
    name, at, domain = text.partition("@")
    if not (name and at and "." in domain and "@" not in domain and " " not in text):
        raise ValueError("an email address is needed")
    return text


Text = Annotated[str, Field(min_length=1), AfterValidator(_printable)]
Address = Annotated[str, Field(max_length=2048), AfterValidator(_return_address), AfterValidator(_printable)]
MetadataName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CustomerFields(_Model):
    """The payer, as far as the merchant wants the provider to know."""

    name: Annotated[Text, Field(max_length=100)] | None = None
    email: Annotated[Text, Field(max_length=254), AfterValidator(_email)] | None = None


class CheckoutRequest(_Model):
    """What to be paid, through whom, and where the payer goes afterwards."""

    provider: Annotated[Text, Field(max_length=32, description="The slug of an enabled provider.")]
    amount: Annotated[
        int,
        Field(gt=0, le=AMOUNT_MAX, description="In the smallest unit people pay with: whole rupiah, cents, whole yen."),
    ]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217, upper case.")]
    order_reference: Annotated[Text, Field(max_length=64, description="Your own name for the order.")]
    success_url: Annotated[
        Address, Field(description="Where the payer goes after paying. https, or http on localhost.")
    ]
    failure_url: Annotated[Address, Field(description="Where the payer goes when turning back.")] | None = None
    description: Annotated[Text, Field(max_length=200, description="Shown on the payment page.")] | None = None
    customer: CustomerFields | None = None
    metadata: Annotated[
        dict[MetadataName, Annotated[Text, Field(max_length=500)]],
        Field(max_length=_METADATA_MAX, description="Kept with the transaction and sent along to the provider."),
    ] = {}
    expires_in_s: Annotated[int, Field(gt=0, description="The page's life in seconds; by default a day.")] | None = None

    @field_validator("metadata")
    @classmethod
    def _no_reserved_names(cls, metadata: dict[str, str]) -> dict[str, str]:
        if any(name.startswith("paylink") for name in metadata):
            raise ValueError("names beginning with `paylink` are reserved")
        return metadata


def parse_checkout(body: Any) -> CheckoutOrder:
    """
    Validate a parsed body.

    Raises:
        InvalidFields: With a problem for each field.
        MalformedRequest: The body is no JSON object.
    """
    if not isinstance(body, dict):
        raise MalformedRequest("the body is a JSON object")
    try:
        request = CheckoutRequest.model_validate(body)
    except ValidationError as exc:
        raise InvalidFields(fields=[_problem(error) for error in exc.errors(include_input=False)]) from None
    customer = request.customer or CustomerFields()
    asked_for = {name: value for name, value in request.model_dump(exclude_none=True).items() if value != {}}
    canonical = json.dumps(asked_for, sort_keys=True, separators=(",", ":"))
    return CheckoutOrder(
        provider=request.provider,
        amount=Money(request.amount, request.currency),
        order_reference=request.order_reference,
        success_url=request.success_url,
        failure_url=request.failure_url,
        description=request.description,
        customer_name=customer.name,
        customer_email=customer.email,
        metadata=request.metadata,
        expires_in_s=request.expires_in_s,
        fingerprint=hashlib.sha256(canonical.encode()).digest(),
    )


def parse_idempotency_key(value: str | None) -> str:
    """
    Raises:
        IdempotencyKeyMissing: There is none.
        MalformedRequest: It is longer than 255 characters or not printable ASCII without spaces.
    """
    if not value:
        raise IdempotencyKeyMissing("send a new random value with each new checkout, and the same with its retries")
    if not _IDEMPOTENCY_KEY.match(value):
        raise MalformedRequest("an Idempotency-Key has 1 to 255 printable ASCII characters and no spaces")
    return value


def _problem(error: Any) -> FieldProblem:
    path = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        return FieldProblem(".".join(path), "unknown field")
    return FieldProblem(".".join(path), error["msg"].removeprefix("Value error, "))
