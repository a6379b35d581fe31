"""What every provider's adapter must do."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from paylink.core.money import Money, UnrepresentableAmount
from paylink.core.secret import Secret
from paylink.core.states import HAS_MONEY, Dispute, Source, State
from paylink.providers.port import (
    ATTEMPT,
    Assurance,
    Effect,
    ErrorKind,
    ProviderError,
    Reference,
    RefundRequest,
    RefundState,
    UnreadableEvent,
    WebhookRefused,
)
from support.provider_case import Case, answering


def test_a_payment_page_is_made(case: Case):
    request = case.request()
    payment = case.provider.create_payment(case.account, request)
    assert payment.checkout_url is not None
    assert payment.checkout_url.startswith("http")
    assert payment.evidence.state is State.PENDING
    assert payment.amount == request.amount
    assert any(reference.kind != ATTEMPT for reference in payment.references)


def test_the_same_request_again_is_the_same_page(case: Case):
    request = case.request()
    first = case.provider.create_payment(case.account, request)
    assert case.provider.create_payment(case.account, request) == first
    assert case.pages() == 1


def test_a_page_is_found_by_its_attempt_alone(case: Case):
    request = case.request()
    assert case.provider.find_payment(case.account, request) is None
    made = case.provider.create_payment(case.account, request)
    case.provider.create_payment(case.account, case.request())
    assert case.provider.find_payment(case.account, request) == made


def test_a_paid_page_is_paid_with_its_amount(case: Case):
    request = case.request()
    made = case.provider.create_payment(case.account, request)
    case.act(made.checkout_url, "pay")
    payment = case.provider.fetch_payment(case.account, made.references)
    assert payment.evidence.state is State.PAID
    assert payment.evidence.source is Source.PULL
    assert payment.evidence.captured == request.amount.amount
    assert (payment.evidence.refunded, payment.evidence.no_dispute) == (0, True)
    assert payment.checkout_url is None
    assert set(made.references) <= set(payment.references)


def test_an_expired_page_is_expired(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "expire")
    assert case.provider.fetch_payment(case.account, made.references).evidence.state is State.EXPIRED


def test_a_page_can_be_closed(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    closed = case.provider.cancel_payment(case.account, made.references)
    assert closed.evidence.state in (State.EXPIRED, State.CANCELLED)
    assert closed.checkout_url is None


def test_a_paid_page_cannot_be_closed(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    with pytest.raises(ProviderError) as caught:
        case.provider.cancel_payment(case.account, made.references)
    assert caught.value.effect is Effect.NOTHING


def test_a_refund_gives_back_once_however_often_it_is_sent(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    paid = case.provider.fetch_payment(case.account, made.references)
    refund = RefundRequest(uuid.uuid4(), paid.references, Money(50_000, "IDR"), reason="too many")
    first = case.provider.refund_payment(case.account, refund)
    assert first.amount == refund.amount
    assert first.state in (RefundState.SUCCEEDED, RefundState.PENDING)
    assert case.provider.refund_payment(case.account, refund).reference == first.reference
    assert case.provider.fetch_payment(case.account, paid.references).evidence.refunded == 50_000


def test_more_than_was_paid_is_not_given_back(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    paid = case.provider.fetch_payment(case.account, made.references)
    with pytest.raises(ProviderError) as caught:
        case.provider.refund_payment(case.account, RefundRequest(uuid.uuid4(), paid.references, Money(150_001, "IDR")))
    assert caught.value.effect is Effect.NOTHING


@pytest.mark.parametrize(("action", "dispute"), [("dispute-won", None), ("dispute-lost", Dispute.LOST)])
def test_a_dispute_is_told_while_money_is_held(case: Case, action: str, dispute: Dispute | None):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    case.act_on_charge("dispute")
    assert case.provider.fetch_payment(case.account, made.references).evidence.dispute is Dispute.OPEN
    case.act_on_charge(action)
    evidence = case.provider.fetch_payment(case.account, made.references).evidence
    assert (evidence.dispute, evidence.no_dispute) == (dispute, dispute is None)


def test_an_unknown_reference_is_not_found(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    strange = [replace(r, value=r.value + "x") for r in made.references if r.kind != ATTEMPT]
    with pytest.raises(ProviderError) as caught:
        case.provider.fetch_payment(case.account, strange)
    assert caught.value.kind is ErrorKind.NOT_FOUND


def test_a_wrong_key_is_told_as_such(case: Case):
    wrong = tuple(replace(c, secret=Secret(c.secret.reveal()[:-4] + "0000")) for c in case.account.credentials)
    with pytest.raises(ProviderError) as caught:
        case.provider.create_payment(replace(case.account, credentials=wrong), case.request())
    assert (caught.value.kind, caught.value.effect) == (ErrorKind.AUTH, Effect.NOTHING)


@pytest.mark.parametrize(
    ("fault", "kind", "effect"),
    [
        ("api_error_before", ErrorKind.UNAVAILABLE, Effect.UNKNOWN),
        ("api_error_after", ErrorKind.UNAVAILABLE, Effect.UNKNOWN),
        ("api_rate_limit", ErrorKind.RATE_LIMITED, Effect.NOTHING),
    ],
)
def test_a_failed_creation_tells_what_it_may_have_done(case: Case, fault: str, kind: ErrorKind, effect: Effect):
    case.fault(fault)
    with pytest.raises(ProviderError) as caught:
        case.provider.create_payment(case.account, case.request())
    assert (caught.value.kind, caught.value.effect) == (kind, effect)


def test_silence_after_the_page_was_made_is_an_unknown_outcome(case: Case):
    """The read timeout ends it; the page is there, and found."""
    case.fault("api_timeout", seconds=12)
    request = case.request()
    with pytest.raises(ProviderError) as caught:
        case.provider.create_payment(case.account, request)
    assert (caught.value.effect, caught.value.sent) == (Effect.UNKNOWN, True)
    assert case.provider.find_payment(case.account, request) is not None


def test_a_currency_or_amount_that_cannot_be_told_exactly_is_refused(case: Case):
    with pytest.raises(UnrepresentableAmount):
        case.provider.check_amount(Money(1, "XXX"))
    case.provider.check_amount(Money(150_000, "IDR"))


def test_webhooks_of_a_payment_verify_and_name_it(case: Case):
    request = case.request()
    made = case.provider.create_payment(case.account, request)
    case.act(made.checkout_url, "pay")
    claims = []
    for raw, headers in case.await_webhooks():
        verified = case.provider.verify_webhook(raw, headers, case.account.credentials, datetime.now(UTC))
        assert verified.event_id
        assert verified.credential_id in {c.id for c in case.account.credentials}
        event = case.provider.map_webhook(raw)
        assert not event.foreign
        if event.evidence is not None and event.evidence.state in HAS_MONEY:
            claims.append(event)
            assert event.amount == request.amount
            assert set(event.references) & {Reference(ATTEMPT, str(request.attempt_id)), *made.references}
            if verified.assurance is not Assurance.BODY:
                assert case.provider.fetch_payment(case.account, made.references).evidence.state is State.PAID
    assert claims


def test_a_changed_webhook_is_refused(case: Case):
    """Every part that the signature covers; and no signature at all."""
    case.act(case.provider.create_payment(case.account, case.request()).checkout_url, "pay")
    raw, headers = case.await_webhooks()[0]
    now = datetime.now(UTC)
    verified = case.provider.verify_webhook(raw, headers, case.account.credentials, now)
    refused = [(raw, {k: v for k, v in headers.items() if "signature" not in k and "token" not in k})]
    if verified.assurance is Assurance.BODY:
        refused += [(raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :], headers) for i in range(len(raw))]
    for body, sent in refused:
        with pytest.raises(WebhookRefused):
            case.provider.verify_webhook(body, sent, case.account.credentials, now)
    with pytest.raises(WebhookRefused):
        case.provider.verify_webhook(raw, headers, [], now)


def test_both_secrets_verify_while_one_is_rolled(case: Case):
    case.act(case.provider.create_payment(case.account, case.request()).checkout_url, "pay")
    raw, headers = case.await_webhooks()[0]
    older = tuple(
        replace(c, id=uuid.uuid4(), secret=Secret("a-newer-secret-" + "0" * 30)) for c in case.account.credentials
    )
    verified = case.provider.verify_webhook(raw, headers, older + case.account.credentials, datetime.now(UTC))
    assert verified.credential_id in {c.id for c in case.account.credentials}


def test_an_old_signed_webhook_is_refused_where_the_scheme_has_time(case: Case):
    case.act(case.provider.create_payment(case.account, case.request()).checkout_url, "pay")
    raw, headers = case.await_webhooks()[0]
    now = datetime.now(UTC)
    if case.provider.verify_webhook(raw, headers, case.account.credentials, now).assurance is Assurance.BODY:
        for late in (timedelta(hours=1), timedelta(hours=-1)):
            with pytest.raises(WebhookRefused, match="outside_window"):
                case.provider.verify_webhook(raw, headers, case.account.credentials, now + late)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"7", b"null", b'{"type": []}', b"\xff", b"[" * 100_000])
def test_mapping_nonsense_says_so(case: Case, raw: bytes):
    with pytest.raises(UnreadableEvent):
        case.provider.map_webhook(raw)


NONSENSE = [
    b"",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"{}",
    b"[" * 100_000,
    b'{"id": null, "data": null, "status": 7}',
    b'{"id": "x", "data": [null], "has_more": true, "status": "complete", "payment_status": "paid"}',
    b'{"id": [], "data": 7, "amount_total": "x", "currency": 7, "expires_at": 1e400, "payment_intent": {"id": 7}}',
    b'{"id": "\\ud800", "data": {}, "amount_total": 1e99, "currency": "idr", "status": "open", "payment_status": []}',
]


@pytest.mark.parametrize("answer", NONSENSE, ids=lambda answer: repr(answer[:24]))
def test_an_answer_that_cannot_be_read_is_an_unavailable_provider(case: Case, answer: bytes):
    """Whatever stands behind a 200, nothing but ProviderError escapes, and what may have created is unknown."""
    request = case.request()
    made = case.provider.create_payment(case.account, request)
    case.act(made.checkout_url, "pay")
    paid = case.provider.fetch_payment(case.account, made.references)
    refund = RefundRequest(uuid.uuid4(), paid.references, Money(1, "IDR"))
    with answering(answer) as address:
        provider = case.at(address)
        for call, effect in (
            (lambda: provider.create_payment(case.account, request), Effect.UNKNOWN),
            (lambda: provider.refund_payment(case.account, refund), Effect.UNKNOWN),
            (lambda: provider.fetch_payment(case.account, made.references), None),
            (lambda: provider.find_payment(case.account, request), None),
            (lambda: provider.cancel_payment(case.account, made.references), None),
        ):
            with pytest.raises(ProviderError) as caught:
                call()
            assert caught.value.kind is ErrorKind.UNAVAILABLE
            assert effect is None or caught.value.effect is effect
