"""Calls to Xendit's REST API, with its errors as typed ones."""

import base64
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from paylink.core.secret import Secret
from paylink.providers.http import Answer, ProviderHttp
from paylink.providers.port import Effect, ErrorKind, ProviderError

_CODE = re.compile(r"[A-Z][A-Z_]{0,63}\Z", re.ASCII)
_FIELDS = {
    "MINIMAL_TRANSFER_AMOUNT_ERROR": "amount",
    "MAXIMUM_TRANSFER_AMOUNT_ERROR": "amount",
    "EMAIL_FORMAT_ERROR": "customer.email",
    "UNAVAILABLE_PAYMENT_METHOD_ERROR": "payment_methods",
    "NO_COLLECTION_METHODS_ERROR": "payment_methods",
}
_KIND_OF_CODE = {
    # The account has not activated them.
    "UNAVAILABLE_PAYMENT_METHOD_ERROR": ErrorKind.AUTH,
    "NO_COLLECTION_METHODS_ERROR": ErrorKind.AUTH,
    "INELIGIBLE_TRANSACTION": ErrorKind.BAD_STATE,
    "INELIGIBLE_TRANSACTION_STATUS": ErrorKind.BAD_STATE,
    "INSUFFICIENT_BALANCE": ErrorKind.BAD_STATE,
    "MAXIMUM_REFUND_AMOUNT_REACHED": ErrorKind.BAD_STATE,
    "REFUND_AMOUNT_EXCEEDED": ErrorKind.BAD_STATE,
    "REFUND_NOT_SUPPORTED": ErrorKind.BAD_STATE,
    "PARTIAL_REFUND_NOT_SUPPORTED": ErrorKind.BAD_STATE,
    "PARTIAL_REFUND_COUNTS_EXCEEDED": ErrorKind.BAD_STATE,
    "TRANSACTION_NOT_FOUND": ErrorKind.NOT_FOUND,
    # The refund that runs may be this very one, sent before.
    "REFUND_IN_PROGRESS": ErrorKind.DUPLICATE,
    "TEMPORARILY_UNAVAILABLE": ErrorKind.UNAVAILABLE,
}
_KIND_OF_STATUS = {
    401: ErrorKind.AUTH,
    403: ErrorKind.AUTH,
    404: ErrorKind.NOT_FOUND,
    409: ErrorKind.DUPLICATE,
    429: ErrorKind.RATE_LIMITED,
}
_AT_THE_DOOR = frozenset({401, 403, 429})
"""Refused before anything is carried out, whoever on the way says it. Other 4xx are Xendit's only with its code."""


class XenditClient:
    """Returns an answer's JSON whatever it is, None when it is none: reading it is the caller's."""

    def __init__(self, api_base: str) -> None:
        self._http = ProviderHttp(api_base)

    def get(self, key: Secret, path: str, query: Mapping[str, str] | None = None) -> Any:
        """
        Raises:
            ProviderError: Effect NOTHING: a question changes nothing.
        """
        suffix = f"?{urlencode(query)}" if query else ""
        return _body_or_error(self._http.send("GET", path + suffix, headers=_headers(key)), reading=True)

    def post(
        self,
        key: Secret,
        path: str,
        fields: Mapping[str, object] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Any:
        """
        Raises:
            ProviderError: Effect UNKNOWN for a 5xx, a 409 and silence.
        """
        headers = _headers(key)
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        if fields is not None:
            headers["Content-Type"] = "application/json"
        body = None if fields is None else encode_json(fields)
        return _body_or_error(self._http.send("POST", path, headers=headers, body=body), reading=False)


def encode_json(value: object) -> str:
    """Write JSON in which a Decimal is a number, digit for digit."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)}: {encode_json(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(encode_json, value)) + "]"
    return json.dumps(value)


def _headers(key: Secret) -> dict[str, str]:
    basic = base64.b64encode(f"{key.reveal()}:".encode()).decode()
    return {"Authorization": f"Basic {basic}", "Accept": "application/json"}


def _body_or_error(answer: Answer, *, reading: bool) -> Any:
    if 200 <= answer.status < 300:
        return answer.body
    told = answer.body.get("error_code") if isinstance(answer.body, dict) else None
    code = told if isinstance(told, str) and _CODE.match(told) else f"http_{answer.status}"
    kind = _kind(answer.status, code) if told is not None or answer.status in _AT_THE_DOOR else ErrorKind.UNAVAILABLE
    unclear = kind in (ErrorKind.UNAVAILABLE, ErrorKind.DUPLICATE)
    raise ProviderError(
        kind, code, effect=Effect.UNKNOWN if unclear and not reading else Effect.NOTHING, field=_FIELDS.get(code)
    )


def _kind(status: int, code: str) -> ErrorKind:
    if not 400 <= status < 500:
        return ErrorKind.UNAVAILABLE
    return _KIND_OF_CODE.get(code) or _KIND_OF_STATUS.get(status, ErrorKind.VALIDATION)
