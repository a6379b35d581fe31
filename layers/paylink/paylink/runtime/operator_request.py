"""What operators send to make and change merchants, keys and accounts, as the API documents it."""

import hashlib
import hmac
import json
import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from chalice.app import Response
from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, WithJsonSchema

from paylink.core.errors import FieldProblem, InvalidFields
from paylink.core.secret import Secret
from paylink.core.text import PRINTABLE
from paylink.runtime.event_request import parse_body
from paylink.runtime.http import HttpFunction
from paylink.runtime.query import read_moment, read_uuid
from paylink.runtime.request_model import parse_idempotency_key
from paylink.runtime.strict_body import Described, StrictModel, Text, printable, validate
from paylink.runtime.wiring import deps
from paylink.services.keys import OVERLAP_HOURS, OVERLAP_HOURS_MAX, IssuedKey, NewKey
from paylink.services.operator import Created, Operator
from paylink.services.provider_accounts import NewAccount
from paylink.store.operator_requests import OnceKey

_ACCOUNT_NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
_SECRET_LENGTH_MAX = 4096
# ASCII, as all keys are. One in PEM form has several lines.
VALUE = r"^[\x21-\x7e]([\x20-\x7e\n]*[\x21-\x7e])?$"
_VALUE = re.compile(VALUE.replace("$", r"\Z"))


def _account_name(text: str) -> str:
    if not re.fullmatch(_ACCOUNT_NAME, text):
        raise ValueError("1 to 63 lower-case letters, digits, - and _ are needed, a letter or digit first")
    return text


def _secret(text: Any) -> Secret:
    if not isinstance(text, str) or not 0 < len(text) <= _SECRET_LENGTH_MAX:
        raise ValueError(f"a text of 1 to {_SECRET_LENGTH_MAX} characters is needed")
    if not _VALUE.match(text):
        raise ValueError("a value has no blanks at its ends and no control characters")
    return Secret(text)


def _only_true(value: bool) -> bool:
    if not value:
        raise ValueError("only true: make another account the default instead")
    return value


_Printable = (AfterValidator(printable), Described(pattern=PRINTABLE))
_Name = Annotated[str, Field(min_length=1, max_length=100), *_Printable]
_ProviderName = Annotated[str, Field(min_length=1, max_length=32), *_Printable]
_Uuid = Annotated[UUID, BeforeValidator(read_uuid)]
_Moment = Annotated[datetime, BeforeValidator(read_moment)]
_Value = Annotated[
    InstanceOf[Secret],
    BeforeValidator(_secret),
    WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": _SECRET_LENGTH_MAX, "pattern": VALUE, "writeOnly": True}
    ),
]


class MerchantRequest(StrictModel):
    name: _Name


class MerchantChange(StrictModel):
    name: _Name | None = None
    suspended: bool | None = None


class KeyRequest(StrictModel):
    """Either of a merchant or of an operator, who is named as such: nobody gets such a key by leaving a field out."""

    merchant_id: _Uuid | None = None
    operator: bool = False
    name: _Name
    scopes: Annotated[list[Text], Field(min_length=1, max_length=20)]
    expires_at: _Moment | None = None


class RotationRequest(StrictModel):
    overlap_hours: Annotated[int, Field(ge=0, le=OVERLAP_HOURS_MAX)] = OVERLAP_HOURS


class AccountRequest(StrictModel):
    merchant_id: _Uuid
    provider: _ProviderName
    name: Annotated[
        str, AfterValidator(_account_name), WithJsonSchema({"type": "string", "pattern": f"^{_ACCOUNT_NAME}$"})
    ]
    is_default: bool = False
    short_address: bool = False
    credentials: Annotated[dict[str, _Value], Field(max_length=20)] = Field(default_factory=dict)


class AccountChange(StrictModel):
    is_default: Annotated[bool, AfterValidator(_only_true), Described(const=True)] | None = None
    disabled: bool | None = None


class CredentialRequest(StrictModel):
    value: _Value
    keep_others: bool = False


def parse_key(body: Any) -> NewKey:
    """
    Raises:
        InvalidFields: With a problem for each field.
        MalformedRequest: The body is no JSON object.
    """
    request = validate(KeyRequest, body)
    if (request.merchant_id is None) != request.operator:
        message = "either a merchant_id, or operator: true"
        raise InvalidFields(fields=[FieldProblem("merchant_id", message)])
    return NewKey(request.merchant_id, request.name, tuple(dict.fromkeys(request.scopes)), request.expires_at)


def parse_account(body: Any) -> NewAccount:
    """
    Raises:
        InvalidFields: With a problem for each field.
        MalformedRequest: The body is no JSON object.
    """
    request = validate(AccountRequest, body)
    return NewAccount(
        merchant_id=request.merchant_id,
        provider=request.provider,
        name=request.name,
        is_default=request.is_default,
        has_short_address=request.short_address,
        credentials=request.credentials,
    )


def admit_operator(app: HttpFunction, scope: str) -> Operator:
    """
    Raises:
        As `HttpFunction.admit_operator`.
    """
    caller = app.admit_operator(deps(), scope)
    return Operator(caller.key_prefix, caller.scopes)


def parse_once_key(app: HttpFunction, by: Operator) -> OnceKey:
    """
    Read the Idempotency-Key of a request that creates. The fingerprints are keyed: the body may hold secrets. There is
    one for each pepper, so that a request is known again while they are changed.

    Raises:
        IdempotencyKeyMissing, MalformedRequest: There is none, or it is not in its form.
    """
    key = parse_idempotency_key(app.header("idempotency-key"))
    request, peppers = app.request, deps().settings.api_key_peppers
    asked_for = [app.app_name, request.method, request.uri_params or {}, parse_body(request)]
    canonical = json.dumps(asked_for, sort_keys=True, separators=(",", ":"))
    active_first = [peppers.active, *(pepper_id for pepper_id in peppers.keys if pepper_id != peppers.active)]
    digests = (hmac.digest(peppers.keys[name], canonical.encode(), hashlib.sha256) for name in active_first)
    return OnceKey(by.name, key, tuple(digests))


def created_answer(created: Created, path: str, **more: object) -> Response:
    """201 with the body and where the thing is; marked when an earlier request created it."""
    location = f"{path}/{created.body['id']}"
    headers: dict[str, str | list[str]] = {"Content-Type": "application/json", "Location": location}
    if created.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response({**created.body, **more}, headers=headers, status_code=201)


def issued_answer(issued: IssuedKey) -> Response:
    """The same with the key itself, which no other answer holds; null in a replay."""
    return created_answer(issued.created, "/v1/keys", key=issued.secret.reveal() if issued.secret else None)
