"""Midtrans' refusals as typed errors. Only words of our own leave here: its texts may hold what a payer typed."""

from typing import Any

from paylink.providers.http import Answer
from paylink.providers.port import Effect, ErrorKind, ProviderError

ORDER_ID_TAKEN = "order_id_taken"
PAGE_ALREADY_CANCELLED = "page_already_cancelled"
TRANSACTION_IN_PROGRESS = "transaction_in_progress"

_KINDS = {
    401: ErrorKind.AUTH,
    402: ErrorKind.AUTH,
    403: ErrorKind.AUTH,
    404: ErrorKind.NOT_FOUND,
    406: ErrorKind.DUPLICATE,
    412: ErrorKind.BAD_STATE,
    414: ErrorKind.BAD_STATE,
    429: ErrorKind.RATE_LIMITED,
}
_AT_THE_DOOR = frozenset({401, 403, 429})
"""Refused before anything is carried out, whoever on the way says it."""

# Snap tells no codes, only texts, in English or Indonesian. The first that fits counts.
_TEXTS = (
    ("already been taken", ErrorKind.DUPLICATE, ORDER_ID_TAKEN, None),
    ("sudah digunakan", ErrorKind.DUPLICATE, ORDER_ID_TAKEN, None),
    ("already canceled", ErrorKind.BAD_STATE, PAGE_ALREADY_CANCELLED, None),
    ("is on progress", ErrorKind.BAD_STATE, TRANSACTION_IN_PROGRESS, None),
    ("token not found", ErrorKind.NOT_FOUND, "page_not_found", None),
    ("gross_amount", ErrorKind.VALIDATION, "amount_refused", "amount"),
    ("customer_details.email", ErrorKind.VALIDATION, "email_refused", "customer.email"),
    ("customer_details.first_name", ErrorKind.VALIDATION, "name_refused", "customer.name"),
    ("customer_details.phone", ErrorKind.VALIDATION, "phone_refused", "customer.phone"),
    ("enabled_payments", ErrorKind.VALIDATION, "methods_refused", "payment_methods"),
    ("item_details", ErrorKind.VALIDATION, "item_refused", "description"),
    ("callbacks.finish", ErrorKind.VALIDATION, "address_refused", "success_url"),
    ("callbacks.error", ErrorKind.VALIDATION, "address_refused", "failure_url"),
    ("expiry", ErrorKind.VALIDATION, "expiry_refused", "expires_in_s"),
    ("custom_field1", ErrorKind.VALIDATION, "reference_refused", "order_reference"),
)


def told_status(body: Any) -> int | None:
    """Return the `status_code` in a body, which counts more than that of HTTP; None when there is none."""
    status = body.get("status_code") if isinstance(body, dict) else None
    return int(status) if isinstance(status, str) and len(status) == 3 and status.isdecimal() else None


def error_of(answer: Answer, *, reading: bool) -> ProviderError:
    """
    Return the error that an answer is. Codes: a word for a known text, else `status_<body>` or `http_<status>`.

    A 4xx without Midtrans' own words is somebody else's on the way: it proves nothing. A duplicate means that an
    earlier call may have had its effect.
    """
    status, text = told_status(answer.body), _text(answer.body)
    code = f"http_{answer.status}" if status is None else f"status_{status}"
    if answer.status < 500:
        for part, kind, word, field in _TEXTS:
            if part in text:
                return ProviderError(kind, word, effect=_effect(kind, reading), field=field)
    kind = ErrorKind.UNAVAILABLE
    if answer.status < 500 and (status is not None or text or answer.status in _AT_THE_DOOR):
        kind = _kind(status or answer.status)
    return ProviderError(kind, code, effect=_effect(kind, reading))


def _kind(status: int) -> ErrorKind:
    refused = ErrorKind.VALIDATION if 400 <= status < 500 else ErrorKind.UNAVAILABLE
    return _KINDS.get(status, refused)


def _effect(kind: ErrorKind, reading: bool) -> Effect:
    unclear = kind in (ErrorKind.UNAVAILABLE, ErrorKind.DUPLICATE)
    return Effect.UNKNOWN if unclear and not reading else Effect.NOTHING


def _text(body: Any) -> str:
    """Return Snap's messages as one lower-case text, empty when there are none."""
    messages = body.get("error_messages") if isinstance(body, dict) else None
    return "\n".join(str(message) for message in messages).lower() if isinstance(messages, list) else ""
