"""The requests that are sent, as whole HTTP."""

import json
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID, uuid4

ORDER = {
    "amount": 150_000,
    "currency": "IDR",
    "description": "Two coffees and a cake",
    "customer": {"name": "Budi Santoso", "email": "budi@example.com"},
    "items": [
        {"name": "Coffee", "quantity": 2, "unit_amount": 45_000},
        {"name": "Cake", "quantity": 1, "unit_amount": 60_000},
    ],
    "metadata": {"shop": "jakarta-3", "cashier": "17"},
    "success_url": "https://shop.example.com/thanks",
    "failure_url": "https://shop.example.com/sorry",
}


def request_id(number: int) -> str:
    """The X-Request-Id of a checkout, by which its times are found."""
    return f"bench-{number}"


def checkouts(providers: Sequence[str], count: int, key: str) -> Iterator[bytes]:
    """Yield checkouts, each with a key of its own; the providers take turns."""
    for number in range(count):
        body = json.dumps(ORDER | {"provider": providers[number % len(providers)], "order_reference": f"o-{number}"})
        yield (
            f"POST /v1/checkout HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: {uuid4()}\r\n"
            f"X-Request-Id: {request_id(number)}\r\n\r\n{body}"
        ).encode()


def reads(ids: Iterable[UUID], key: str) -> Iterator[bytes]:
    for transaction_id in ids:
        yield _get(f"/v1/tx/{transaction_id}", key)


def first_pages(count: int, key: str) -> Iterator[bytes]:
    for _ in range(count):
        yield _get("/v1/tx", key)


def _get(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
