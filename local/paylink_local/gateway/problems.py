"""What the gateway itself answers when no function can: problem details (RFC 9457), never HTML or a bare 500."""

import json

Headers = list[tuple[bytes, bytes]]


class Problem(Exception):
    """
    An answer that ends a request. `slug` names the kind, stable for clients; `detail` is for a person.

    `retryable` means what it means in the functions' problems: the same request may succeed later.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str,
        headers: Headers | None = None,
        *,
        retryable: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers: Headers = [(b"content-type", b"application/problem+json"), *(headers or [])]
        self.body = json.dumps(
            {
                "type": f"https://paylink.dev/problems/{slug}",
                "title": title,
                "status": status,
                "retryable": retryable,
                "detail": detail,
            }
        ).encode()


def bad_request(detail: str) -> Problem:
    return Problem(400, "bad-request", "The request is malformed", detail)


def not_found(detail: str) -> Problem:
    return Problem(404, "not-found", "There is no such resource", detail)


def method_not_allowed(allow: str) -> Problem:
    return Problem(
        405,
        "method-not-allowed",
        "The method is not allowed here",
        f"This path takes {allow}.",
        [(b"allow", allow.encode())],
    )


def request_timeout(limit_s: int) -> Problem:
    detail = f"The body did not arrive within {limit_s} s."
    return Problem(408, "request-timeout", "The request took too long", detail, retryable=True)


def payload_too_large(limit_bytes: int) -> Problem:
    detail = f"A body may have {limit_bytes} bytes at most."
    return Problem(413, "payload-too-large", "The body is too large", detail)


def headers_too_large(limit_bytes: int) -> Problem:
    detail = f"The request line and the headers may have {limit_bytes} bytes at most."
    return Problem(431, "headers-too-large", "The headers are too large", detail)


def function_failed() -> Problem:
    detail = "The function failed. The log has the reason under this request id."
    return Problem(502, "function-failed", "The request could not be handled", detail)


def overloaded(detail: str, retry_after_s: int) -> Problem:
    return Problem(
        503,
        "overloaded",
        "Too many requests at once",
        detail,
        [(b"retry-after", b"%d" % retry_after_s)],
        retryable=True,
    )


def function_timeout() -> Problem:
    detail = "The function did not answer in time. The log has more under this request id."
    return Problem(504, "function-timeout", "The request took too long", detail, retryable=True)
