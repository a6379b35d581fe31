"""The body of POST /v1/checkout, as the API documents it."""

import hashlib
import json
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from paylink.core.errors import FieldProblem, IdempotencyKeyMissing, InvalidFields, MalformedRequest
from paylink.core.money import AMOUNT_MAX, Money
from paylink.services.checkout import CheckoutOrder

_METADATA_MAX = 20
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}\Z", re.ASCII)
_METADATA_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}\Z", re.ASCII)
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


_MESSAGES = {
    "extra_forbidden": "unknown field",
    "missing": "required",
    "string_type": "a text is needed",
    "string_too_short": "at least {min_length} character",
    "string_too_long": "at most {max_length} characters",
    "string_unicode": "not valid Unicode",
    "int_type": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "greater_than": "more than {gt} is needed",
    "less_than_equal": "at most {le}",
    "dict_type": "an object is needed",
    "model_type": "an object is needed",
}


def _currency(text: str) -> str:
    if not _CURRENCY.match(text):
        raise ValueError("three upper-case letters are needed, such as IDR")
    return text


def _metadata(metadata: dict[str, str]) -> dict[str, str]:
    if len(metadata) > _METADATA_MAX:
        raise ValueError(f"at most {_METADATA_MAX} entries")
    for name in metadata:
        if not _METADATA_NAME.match(name):
            raise ValueError("a name has 1 to 40 letters, digits and _ . -")
        if name.startswith("paylink"):
            raise ValueError("names beginning with `paylink` are reserved")
    return metadata


Text = Annotated[str, AfterValidator(_printable)]
Address = Annotated[str, Field(max_length=2048), AfterValidator(_return_address), AfterValidator(_printable)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CustomerFields(_Model):
    """The payer, as far as the merchant wants the provider to know."""

    name: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    email: Annotated[Text, Field(min_length=1, max_length=254), AfterValidator(_email)] | None = None


class CheckoutRequest(_Model):
    """What to be paid, through whom, and where the payer goes afterwards. `docs/api.md` explains each field."""

    provider: Annotated[Text, Field(min_length=1, max_length=32)]
    amount: Annotated[int, Field(gt=0, le=AMOUNT_MAX)]
    currency: Annotated[str, AfterValidator(_currency)]
    order_reference: Annotated[Text, Field(min_length=1, max_length=64)]
    success_url: Address
    failure_url: Address | None = None
    description: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    customer: CustomerFields | None = None
    metadata: (
        Annotated[dict[str, Annotated[Text, Field(min_length=1, max_length=500)]], AfterValidator(_metadata)] | None
    ) = None
    expires_in_s: Annotated[int, Field(gt=0)] | None = None


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
        metadata=request.metadata or {},
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
    known = _MESSAGES.get(error["type"])
    message = known.format(**error.get("ctx", {})) if known else error["msg"].removeprefix("Value error, ")
    return FieldProblem(".".join(path), message)
