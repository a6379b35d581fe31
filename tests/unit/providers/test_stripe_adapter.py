"""The Stripe adapter's calls: what a failure between or after them may have done."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paylink.core.money import Money
from paylink.core.secret import Secret
from paylink.providers.payments import PaymentQuery, Reference
from paylink.providers.port import Account, Credential, Effect, ErrorKind, Provider, ProviderError
from paylink.providers.stripe import build
from support.recorded import Exchanges
from support.serving import serving

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = Credential(uuid.UUID(int=2), "secret_key", Secret("sk_test_KEY"))
ACCOUNT = Account(uuid.UUID(int=1), uuid.UUID(int=1), "stripe", "default", (KEY,))
RUPIAH = Money(150_000, "IDR")
QUERY = PaymentQuery((Reference("checkout_session", "cs_1"),), RUPIAH, NOW + timedelta(days=1), NOW)
HELD = {"payment_intent": {"id": "pi_1", "status": "requires_capture"}}
CAPTURE = "/v1/payment_intents/pi_1/capture"
CANCEL = "/v1/payment_intents/pi_1/cancel"
EXPIRE = "/v1/checkout/sessions/cs_1/expire"
FAILURES = [(401, {"error": {"type": "invalid_request_error"}}), (429, {}), (404, {}), (500, {}), (200, {})]


def session(body: Any, status: int = 200) -> dict[str, Any]:
    path = "/v1/checkout/sessions/cs_1?expand%5B0%5D=payment_intent.latest_charge"
    return {"method": "GET", "path": path, "status": status, "body": body}


def posted(path: str, body: Any, status: int = 200) -> dict[str, Any]:
    return {"method": "POST", "path": path, "status": status, "body": body}


@contextmanager
def stripe(*exchanges: dict[str, Any]) -> Iterator[Provider]:
    """The adapter in front of an API that has exactly these exchanges, in this order."""
    played = Exchanges(list(exchanges))
    with serving(played.handler()) as address:
        yield build({"PAYLINK_STRIPE_API_BASE": address})
    assert (played.wrong, played.expected) == ([], [])


@pytest.mark.parametrize(("status", "body"), FAILURES)
def test_a_failed_question_tells_nothing_of_the_capture_before_it(status: int, body: Any):
    exchanges = session(HELD), posted(CAPTURE, {"id": "pi_1"}), session(body, status)
    with stripe(*exchanges) as provider, pytest.raises(ProviderError) as caught:
        provider.capture_payment(ACCOUNT, QUERY, RUPIAH)
    assert (caught.value.kind, caught.value.effect) == (ErrorKind.UNAVAILABLE, Effect.UNKNOWN)


@pytest.mark.parametrize(("status", "body"), FAILURES)
@pytest.mark.parametrize(("before", "path"), [(HELD, CANCEL), ({"payment_intent": None}, EXPIRE)])
def test_a_failed_question_tells_nothing_of_the_cancellation_before_it(before: Any, path: str, status: int, body: Any):
    exchanges = session(before), posted(path, {"id": "pi_1"}), session(body, status)
    with stripe(*exchanges) as provider, pytest.raises(ProviderError) as caught:
        provider.cancel_payment(ACCOUNT, QUERY)
    assert (caught.value.kind, caught.value.effect) == (ErrorKind.UNAVAILABLE, Effect.UNKNOWN)


def test_a_failed_question_before_the_capture_proves_that_nothing_was_captured():
    with stripe(session({}, 503)) as provider, pytest.raises(ProviderError) as caught:
        provider.capture_payment(ACCOUNT, QUERY, RUPIAH)
    assert (caught.value.kind, caught.value.effect) == (ErrorKind.UNAVAILABLE, Effect.NOTHING)
