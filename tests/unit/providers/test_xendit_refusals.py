"""Xendit's refusals, typed: what they did, what they are called, and which field they mean."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paylink.core.money import Money
from paylink.core.secret import Secret
from paylink.providers.payments import PaymentRequest, Reference, RefundRequest
from paylink.providers.port import Account, Credential, Effect, ErrorKind, Provider, ProviderError
from paylink.providers.xendit import build
from support.provider_case import answering

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = Credential(uuid.UUID(int=2), "secret_key", Secret("xnd_development_TESTKEY0123456789"))
ACCOUNT = Account(uuid.UUID(int=1), uuid.UUID(int=1), "xendit", "default", (KEY,))
CHECKOUT = PaymentRequest(uuid.UUID(int=3), uuid.UUID(int=4), Money(1_000, "IDR"), "o-1", NOW, NOW + timedelta(days=1))
REFUND = RefundRequest(uuid.UUID(int=9), (Reference("invoice", "i1"),), Money(1_000, "IDR"))


def refusal(status: int, code: Any, call: Callable[[Provider], object]) -> ProviderError:
    body = json.dumps({"error_code": code, "message": "words for a developer"}).encode()
    with answering(body, status=status) as address, pytest.raises(ProviderError) as caught:
        call(build({"PAYLINK_XENDIT_API_BASE": address}))
    assert "words" not in str(caught.value)
    return caught.value


def of_checkout(status: int, code: Any) -> ProviderError:
    return refusal(status, code, lambda provider: provider.create_payment(ACCOUNT, CHECKOUT))


def of_refund(status: int, code: Any) -> ProviderError:
    return refusal(status, code, lambda provider: provider.refund_payment(ACCOUNT, REFUND))


@pytest.mark.parametrize(
    ("status", "code", "kind", "effect"),
    [
        (400, "INELIGIBLE_TRANSACTION", ErrorKind.BAD_STATE, Effect.NOTHING),
        (400, "INELIGIBLE_TRANSACTION_STATUS", ErrorKind.BAD_STATE, Effect.NOTHING),
        (400, "INSUFFICIENT_BALANCE", ErrorKind.BAD_STATE, Effect.NOTHING),
        (400, "MAXIMUM_REFUND_AMOUNT_REACHED", ErrorKind.BAD_STATE, Effect.NOTHING),
        (400, "REFUND_AMOUNT_EXCEEDED", ErrorKind.BAD_STATE, Effect.NOTHING),
        (400, "PARTIAL_REFUND_NOT_SUPPORTED", ErrorKind.BAD_STATE, Effect.NOTHING),
        (400, "PARTIAL_REFUND_COUNTS_EXCEEDED", ErrorKind.BAD_STATE, Effect.NOTHING),
        (400, "REFUND_NOT_SUPPORTED", ErrorKind.BAD_STATE, Effect.NOTHING),
        (400, "TRANSACTION_NOT_FOUND", ErrorKind.NOT_FOUND, Effect.NOTHING),
        (400, "API_VALIDATION_ERROR", ErrorKind.VALIDATION, Effect.NOTHING),
        (403, "REQUEST_FORBIDDEN_ERROR", ErrorKind.AUTH, Effect.NOTHING),
        (404, "DATA_NOT_FOUND", ErrorKind.NOT_FOUND, Effect.NOTHING),
        (429, "RATE_LIMIT_EXCEEDED", ErrorKind.RATE_LIMITED, Effect.NOTHING),
        (400, "REFUND_IN_PROGRESS", ErrorKind.DUPLICATE, Effect.UNKNOWN),
        (409, "DUPLICATE_ERROR", ErrorKind.DUPLICATE, Effect.UNKNOWN),
        (400, "TEMPORARILY_UNAVAILABLE", ErrorKind.UNAVAILABLE, Effect.UNKNOWN),
        (503, "TEMPORARILY_UNAVAILABLE", ErrorKind.UNAVAILABLE, Effect.UNKNOWN),
        (500, "INELIGIBLE_TRANSACTION", ErrorKind.UNAVAILABLE, Effect.UNKNOWN),
        (302, "API_VALIDATION_ERROR", ErrorKind.UNAVAILABLE, Effect.UNKNOWN),
    ],
)
def test_a_refusal_tells_whether_money_may_move(status: int, code: str, kind: ErrorKind, effect: Effect):
    error = of_refund(status, code)
    assert (error.kind, error.code, error.effect) == (kind, code, effect)


@pytest.mark.parametrize("code", ["free text", "", "x" * 65, "<b>", None, 7, ["A"], "lower_case", "A\n"])
def test_a_code_that_is_no_plain_word_is_not_repeated(code: Any):
    error = of_checkout(400, code)
    assert (error.code, error.kind) == ("http_400", ErrorKind.UNAVAILABLE if code is None else ErrorKind.VALIDATION)


@pytest.mark.parametrize(
    ("code", "field"),
    [
        ("MINIMAL_TRANSFER_AMOUNT_ERROR", "amount"),
        ("MAXIMUM_TRANSFER_AMOUNT_ERROR", "amount"),
        ("EMAIL_FORMAT_ERROR", "customer.email"),
        ("NO_COLLECTION_METHODS_ERROR", "payment_methods"),
    ],
)
def test_a_refused_field_is_named(code: str, field: str | None):
    error = of_checkout(400, code)
    assert (error.field, error.effect) == (field, Effect.NOTHING)
