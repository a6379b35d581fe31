"""Stripe's error answers. Source: docs.stripe.com/api/errors."""

from typing import Any


class StripeError(Exception):
    """
    An error answer.

    executed: the request got as far as doing its work, so its idempotency key keeps this answer; refusals before
    that (a bad parameter, a bad key, a rate limit) are not kept.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.executed = executed

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": error}


def invalid(param: str, message: str, code: str | None = None) -> StripeError:
    return StripeError(400, message, code=code, param=param)


def parameter_missing(param: str) -> StripeError:
    return invalid(param, f"Missing required param: {param}.", "parameter_missing")


def parameter_unknown(param: str) -> StripeError:
    return invalid(param, f"Received unknown parameter: {param}", "parameter_unknown")


def resource_missing(noun: str, object_id: str, param: str) -> StripeError:
    return StripeError(404, f"No such {noun}: '{object_id}'", code="resource_missing", param=param, executed=True)


def bad_state(message: str, code: str | None = None, param: str | None = None) -> StripeError:
    """The request is well formed, but the object is not in a state for it."""
    return StripeError(400, message, code=code, param=param, executed=True)


def api_error(status: int) -> StripeError:
    return StripeError(status, "Sorry, there was a problem with your request (sandbox fault).", type="api_error")


def rate_limited() -> StripeError:
    return StripeError(429, "Request rate limit exceeded (sandbox fault).", code="rate_limit")
