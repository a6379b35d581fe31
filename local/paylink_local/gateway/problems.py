"""What the gateway itself answers when no function can: problem details (RFC 9457), never HTML or a bare 500."""

import json
from collections.abc import Mapping

from paylink.core import errors
from paylink.core.errors import PayLinkError, problem, problem_headers
from paylink.runtime.headers import security_headers

Headers = list[tuple[bytes, bytes]]


class Problem(Exception):
    """An answer that ends a request: one of the functions' own errors, in the form that goes over the wire."""

    def __init__(self, error: PayLinkError, **more_headers: str) -> None:
        super().__init__(error.detail)
        self.status = error.status
        self.slug = error.slug
        self.headers: Headers = [*_encoded(problem_headers(error) | more_headers), *own_headers()]
        self.body = json.dumps(problem(error)).encode()


def own_headers() -> Headers:
    """Return what every answer carries that no function gives."""
    return _encoded(security_headers())


def _encoded(headers: Mapping[str, str]) -> Headers:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def bad_request(detail: str) -> Problem:
    return Problem(errors.MalformedRequest(detail))


def not_found(detail: str) -> Problem:
    return Problem(errors.NotFound(detail))


def method_not_allowed(allow: str) -> Problem:
    return Problem(errors.MethodNotAllowed(f"this path takes {allow}"), allow=allow)


def request_timeout(limit_s: int) -> Problem:
    return Problem(errors.RequestTimeout(f"the body did not arrive within {limit_s} s"))


def payload_too_large(limit_bytes: int) -> Problem:
    return Problem(errors.PayloadTooLarge(f"a body has at most {limit_bytes} bytes"))


def headers_too_large(limit_bytes: int) -> Problem:
    return Problem(errors.HeadersTooLarge(f"the request line and the headers have at most {limit_bytes} bytes"))


def function_failed() -> Problem:
    return Problem(errors.FunctionFailed("the function failed; the log has the reason under this request id"))


def overloaded(detail: str, retry_after_s: int) -> Problem:
    return Problem(errors.Overloaded(detail, retry_after_s=retry_after_s))


def function_timeout() -> Problem:
    detail = "the function did not answer in time; the log has more under this request id"
    return Problem(errors.FunctionTimeout(detail))
