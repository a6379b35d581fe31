"""
The one tree of errors that a client can see.

A class fixes what clients may rely on (`slug`, `status`, `retryable`), an instance adds `detail`. Rendered once, by
`problem` below, as RFC 9457 `application/problem+json`. A detail never holds a secret, a card number or a raw body.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

PROBLEM_BASE = "https://paylink.dev/docs/errors#"
"""The page is docs/errors.md, which has a section for each slug."""


@dataclass(frozen=True)
class FieldProblem:
    """One field of a request that cannot be accepted. `field` is a dotted path such as `customer.email`."""

    field: str
    message: str


class PayLinkError(Exception):
    """Base of every error that ends a request."""

    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong on our side"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self, detail: str = "", *, fields: Sequence[FieldProblem] = (), retry_after_s: int | None = None
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.fields = tuple(fields)
        self.retry_after_s = retry_after_s


class MalformedRequest(PayLinkError):
    slug = "malformed-request"
    title = "The request cannot be read"
    status = 400


class InvalidFields(PayLinkError):
    slug = "invalid-fields"
    title = "Some fields cannot be accepted"
    status = 422


class Unauthenticated(PayLinkError):
    slug = "unauthenticated"
    title = "A valid API key is needed"
    status = 401


class Forbidden(PayLinkError):
    slug = "forbidden"
    title = "This key may not do that"
    status = 403


class MerchantSuspended(PayLinkError):
    slug = "merchant-suspended"
    title = "This merchant is suspended"
    status = 403


class NotFound(PayLinkError):
    slug = "not-found"
    title = "There is nothing here"
    status = 404


class MethodNotAllowed(PayLinkError):
    slug = "method-not-allowed"
    title = "This method is not allowed here"
    status = 405


class RequestTimeout(PayLinkError):
    slug = "request-timeout"
    title = "The request took too long to arrive"
    status = 408
    retryable = True


class PayloadTooLarge(PayLinkError):
    slug = "payload-too-large"
    title = "The request body is too large"
    status = 413


class UnsupportedMediaType(PayLinkError):
    slug = "unsupported-media-type"
    title = "The request body is not said to be JSON"
    status = 415


class HeadersTooLarge(PayLinkError):
    slug = "headers-too-large"
    title = "The request's headers are too large"
    status = 431


class IdempotencyKeyMissing(PayLinkError):
    slug = "idempotency-key-missing"
    title = "An Idempotency-Key header is needed"
    status = 400


class IdempotencyKeyReused(PayLinkError):
    slug = "idempotency-key-reused"
    title = "This Idempotency-Key was used for another request"
    status = 422


class RequestInProgress(PayLinkError):
    slug = "request-in-progress"
    title = "A request with this Idempotency-Key is still running"
    status = 409
    retryable = True


class ReconciliationRunning(PayLinkError):
    slug = "reconciliation-running"
    title = "The same reconciliation is under way"
    status = 409
    retryable = True


class AlreadyResolved(PayLinkError):
    slug = "already-resolved"
    title = "This discrepancy is resolved already"
    status = 409


class TooManyRuns(PayLinkError):
    """A merchant may have some reconciliation runs under way, of different limits, but not any number."""

    slug = "too-many-runs"
    title = "Too many reconciliation runs are under way"
    status = 429
    retryable = True


class BodyGone(PayLinkError):
    """An event whose body was dropped for its age cannot be processed again."""

    slug = "body-gone"
    title = "The event's body is not stored any more"
    status = 409


class RoutingChanged(PayLinkError):
    """Rules that were made for another version than the present one."""

    slug = "routing-changed"
    title = "The routing was changed meanwhile"
    status = 409


class WrongState(PayLinkError):
    """What is asked for does not go with the transaction's state; the entry `state` in `errors` tells that."""

    slug = "wrong-state"
    title = "The transaction's state does not allow that"
    status = 409


class RefundTooLarge(PayLinkError):
    slug = "refund-too-large"
    title = "That is more than is left to refund"
    status = 422


class NotSupported(PayLinkError):
    """The provider, or the way the payer paid, cannot do it; known before any call."""

    slug = "not-supported"
    title = "The payment provider cannot do that"
    status = 422


class NameTaken(PayLinkError):
    slug = "name-taken"
    title = "Another one has this name"
    status = 409


class KeyEnded(PayLinkError):
    """A key that was revoked, has expired or was rotated before cannot be rotated."""

    slug = "key-ended"
    title = "This key has come to its end"
    status = 409


class LastOperatorKey(PayLinkError):
    """Without it nobody could make a key over the API any more."""

    slug = "last-operator-key"
    title = "This is the last key that can make keys"
    status = 409


class CredentialsMissing(PayLinkError):
    slug = "credentials-missing"
    title = "The account lacks credentials"
    status = 409


class RateLimited(PayLinkError):
    slug = "rate-limited"
    title = "Too many requests"
    status = 429
    retryable = True


class TooManyBadKeys(PayLinkError):
    """A guesser: its address has sent so many wrong keys that a key we have not seen before is not looked up for it."""

    slug = "too-many-bad-keys"
    title = "Too many wrong API keys came from this address"
    status = 429
    retryable = True


class SignatureRefused(PayLinkError):
    """A webhook that proves nothing. An unknown account raises the same, so that neither can be told from outside."""

    slug = "signature-refused"
    title = "The webhook's signature is not valid"
    status = 401


class ProviderRefused(PayLinkError):
    """The provider understood the request and said no; nothing was created."""

    slug = "provider-refused"
    title = "The payment provider refused the request"
    status = 422

    def __init__(self, detail: str = "", *, fields: Sequence[FieldProblem] = (), replayed: bool = False) -> None:
        super().__init__(detail, fields=fields)
        self.replayed = replayed


class ProviderUnreachable(PayLinkError):
    """The request provably never reached the provider; nothing was created."""

    slug = "provider-unreachable"
    title = "The payment provider cannot be reached"
    status = 503
    retryable = True


class StorageUnavailable(PayLinkError):
    slug = "storage-unavailable"
    title = "The database cannot answer now"
    status = 503
    retryable = True


class FunctionFailed(PayLinkError):
    """The gateway's word for a function that broke outside of its own error handling."""

    slug = "function-failed"
    title = "The request could not be handled"
    status = 502


class Overloaded(PayLinkError):
    slug = "overloaded"
    title = "Too many requests at once"
    status = 503
    retryable = True


class FunctionTimeout(PayLinkError):
    slug = "function-timeout"
    title = "The answer took too long"
    status = 504
    retryable = True


def problem(error: PayLinkError) -> dict[str, Any]:
    """Return what a client is told, as the fields of `application/problem+json`."""
    body: dict[str, Any] = {
        "type": PROBLEM_BASE + error.slug,
        "title": error.title,
        "status": error.status,
        "retryable": error.retryable,
    }
    if error.detail:
        body["detail"] = error.detail
    if error.fields:
        body["errors"] = [{"field": f.field, "message": f.message} for f in error.fields]
    return body


def problem_headers(error: PayLinkError) -> dict[str, str]:
    """Return the headers that belong to a problem."""
    headers = {"Content-Type": "application/problem+json"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, ProviderRefused) and error.replayed:
        headers["Idempotency-Replayed"] = "true"
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return headers
