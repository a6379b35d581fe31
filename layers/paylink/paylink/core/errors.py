"""
The one tree of errors that a client can see.

A class fixes what clients may rely on (`slug`, `status`, `retryable`), an instance adds `detail`. Rendered once, in
`runtime/`, as RFC 9457 `application/problem+json`. A detail never holds a secret, a card number or a raw body.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

PROBLEM_BASE = "https://paylink.dev/problems/"


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


class NotFound(PayLinkError):
    slug = "not-found"
    title = "There is nothing here"
    status = 404


class PayloadTooLarge(PayLinkError):
    slug = "payload-too-large"
    title = "The request body is too large"
    status = 413


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


class BodyGone(PayLinkError):
    """An event whose body was dropped for its age cannot be processed again."""

    slug = "body-gone"
    title = "The event's body is not stored any more"
    status = 409


class RateLimited(PayLinkError):
    slug = "rate-limited"
    title = "Too many requests"
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
