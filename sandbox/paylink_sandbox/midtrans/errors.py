"""Midtrans' error answers. Source: Midtrans documentation, status codes and Snap API."""

import uuid
from typing import Any


class MidtransError(Exception):
    """A request that is refused: `status` is the HTTP status and, in the Core API, the body's `status_code` too."""

    def __init__(self, status: int, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.status = status
        self.messages = messages

    def snap_body(self) -> dict[str, Any]:
        return {"error_messages": list(self.messages)}

    def core_body(self) -> dict[str, Any]:
        return {"status_code": str(self.status), "status_message": str(self), "id": str(uuid.uuid4())}


def invalid(message: str) -> MidtransError:
    return MidtransError(400, message)


def unauthorized() -> MidtransError:
    return MidtransError(
        401,
        "Access denied due to unauthorized transaction, please check client or server key",
        "Visit https://snap-docs.midtrans.com/#request-headers for more details",
    )


def not_found() -> MidtransError:
    return MidtransError(404, "Transaction doesn't exist.")


def not_modifiable() -> MidtransError:
    return MidtransError(412, "Merchant cannot modify the status of the transaction")


def refund_rejected() -> MidtransError:
    return MidtransError(414, "Refund request is rejected due to invalid amount")


def duplicate_refund() -> MidtransError:
    return MidtransError(406, "Duplicate refund ID")


def rate_limited() -> MidtransError:
    return MidtransError(429, "Too many requests, please try again later (sandbox fault).")


def internal(status: int) -> MidtransError:
    return MidtransError(status, "Sorry, we encountered internal server error. We will fix this soon.")
