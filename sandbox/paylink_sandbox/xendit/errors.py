"""Xendit's error answers. Source: Xendit documentation, errors of the invoice, refund and transaction APIs."""

from paylink_sandbox.documents import Document


class XenditError(Exception):
    """An error answer. `path`: the field that is wrong, where one is."""

    def __init__(self, status: int, code: str, message: str, path: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.path = path

    def body(self) -> Document:
        body: Document = {"error_code": self.code, "message": self.message}
        if self.path is not None:
            body["errors"] = [{"path": self.path, "message": self.message}]
        return body

    def report_body(self) -> Document:
        """As the balance and transaction endpoints word it."""
        body: Document = {"status_code": self.status, "error": self.code, "message": self.message}
        if self.path is not None:
            body["validation"] = {"keys": [self.path]}
        return body


def invalid(path: str, message: str) -> XenditError:
    return XenditError(400, "API_VALIDATION_ERROR", f'"{path}" {message}', path)


def server_error(status: int) -> XenditError:
    return XenditError(status, "SERVER_ERROR", "Something unexpected happened (sandbox fault).")


def rate_limited() -> XenditError:
    return XenditError(429, "RATE_LIMIT_EXCEEDED", "Too many requests in the last minute (sandbox fault).")
