"""Calls to Stripe's REST API, with its errors as typed ones."""

from collections.abc import Mapping
from typing import Any

from paylink.core.secret import Secret
from paylink.providers.http import Answer, ProviderHttp
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.providers.stripe.form import FormValue, encode_form
from paylink.providers.stripe.settings import API_VERSION

_FIELDS = {"amount_too_small": "amount", "amount_too_large": "amount", "email_invalid": "customer.email"}
_BAD_STATE = frozenset(
    {
        "charge_already_refunded",
        "charge_disputed",
        "charge_already_captured",
        "payment_intent_unexpected_state",
        "checkout_session_not_open",
    }
)


class StripeClient:
    def __init__(self, api_base: str) -> None:
        self._http = ProviderHttp(api_base)

    def get(self, key: Secret, path: str, query: Mapping[str, FormValue] | None = None) -> dict[str, Any]:
        """
        Raises:
            ProviderError: Effect NOTHING: a question changes nothing.
        """
        suffix = f"?{encode_form(query)}" if query else ""
        return _object_or_error(self._http.send("GET", path + suffix, headers=_headers(key)), reading=True)

    def post(
        self, key: Secret, path: str, fields: Mapping[str, FormValue], idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """
        Send a change. What can happen only once anyway needs no key, which would have Stripe replay its own failures.

        Raises:
            ProviderError: `stored` for a 5xx, since Stripe replays it for the same key.
        """
        headers = _headers(key) | {"Content-Type": "application/x-www-form-urlencoded"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        answer = self._http.send("POST", path, headers=headers, body=encode_form(fields))
        return _object_or_error(answer, reading=False, keyed=idempotency_key is not None)


def _headers(key: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.reveal()}", "Stripe-Version": API_VERSION, "Accept": "application/json"}


def _object_or_error(answer: Answer, *, reading: bool, keyed: bool = False) -> dict[str, Any]:
    if 200 <= answer.status < 300 and isinstance(answer.body, dict):
        return answer.body
    told = answer.body.get("error") if isinstance(answer.body, dict) else None
    error = told if isinstance(told, dict) else {}
    code = str(error.get("code") or error.get("type") or f"http_{answer.status}")[:64]
    kind = _kind(answer.status, code)
    unclear = kind is ErrorKind.UNAVAILABLE or answer.status == 409
    effect = Effect.UNKNOWN if unclear and not reading else Effect.NOTHING
    # Only Stripe's own answer to a request with a key is stored: not a proxy's, not a question's.
    stored = answer.status >= 500 and bool(error) and keyed
    raise ProviderError(kind, code, effect=effect, stored=stored, field=_FIELDS.get(code))


def _kind(status: int, code: str) -> ErrorKind:
    if code == "idempotency_error" or status == 409:
        return ErrorKind.DUPLICATE
    if code == "resource_missing" or status == 404:
        return ErrorKind.NOT_FOUND
    if code in _BAD_STATE:
        return ErrorKind.BAD_STATE
    if status in (401, 403):
        return ErrorKind.AUTH
    if status == 429:
        return ErrorKind.RATE_LIMITED
    return ErrorKind.VALIDATION if 400 <= status < 500 else ErrorKind.UNAVAILABLE
