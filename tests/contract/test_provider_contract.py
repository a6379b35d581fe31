"""What every provider's adapter must do."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from paylink.core.money import Money, UnrepresentableAmount
from paylink.core.refunds import RefundState
from paylink.core.secret import Secret
from paylink.core.states import HAS_MONEY, Dispute, Evidence, Source, State
from paylink.providers.payments import ATTEMPT, REFUND, Item, Payment, Reference, RefundRequest, attempt_of
from paylink.providers.port import (
    Assurance,
    Effect,
    ErrorKind,
    PaymentMethod,
    ProviderError,
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
    assert attempt_of(payment.references) == request.attempt_id
    assert any(reference.kind != ATTEMPT for reference in payment.references)


def test_a_page_shows_the_items_of_the_order(case: Case):
    """Their sum is what is asked for, in whatever unit the provider counts."""
    items = (Item("Kopi Gayo 1 kg", 2, 60_000), Item("Ongkos kirim", 1, 30_000))
    payment = case.provider.create_payment(case.account, case.request(items=items))
    assert payment.amount == Money(150_000, "IDR")
    assert case.fetch(payment).amount == payment.amount
    shown = case.page_shown(payment.checkout_url)
    assert all(item.name in shown for item in items)


def test_a_page_can_be_limited_to_each_payment_method_that_the_provider_has(case: Case):
    """And to several at once; what it has not is left out, so that another account could take the order too."""
    offered = case.provider.capabilities.payment_methods["IDR"]
    assert offered
    for methods in [(method,) for method in sorted(offered)] + [tuple(PaymentMethod)]:
        made = case.provider.create_payment(case.account, case.request(payment_methods=methods))
        assert made.checkout_url is not None


def test_a_page_that_is_limited_to_cards_is_paid_by_card(case: Case):
    made = case.provider.create_payment(case.account, case.request(payment_methods=(PaymentMethod.CARD,)))
    shown = case.page_shown(made.checkout_url)
    assert "card" in shown.lower()
    for absent in ("QRIS", "Virtual Account", "Alfamart", "bank transfer"):
        assert absent.lower() not in shown.lower(), absent


def test_the_customer_is_told_with_the_order(case: Case):
    customer = {"customer_name": "Budi", "customer_email": "budi@example.com", "customer_phone": "+6281234567890"}
    assert case.provider.create_payment(case.account, case.request(**customer)).checkout_url is not None


def test_the_same_request_again_leaves_one_page_that_can_be_paid(case: Case):
    """Where a repetition does not give the first page, it is refused, or looking up closes the surplus page."""
    request = case.request()
    first = case.provider.create_payment(case.account, request)
    if case.provider.capabilities.create_retention_s:
        assert case.provider.create_payment(case.account, request) == first
    else:
        refusal = None
        try:
            case.provider.create_payment(case.account, request)
        except ProviderError as exc:
            refusal = exc
        assert refusal is None or (refusal.kind, refusal.effect) == (ErrorKind.DUPLICATE, Effect.UNKNOWN)
        case.provider.find_payment(case.account, request)
    assert [page["url"] for page in case.pages() if page["state"] == "open"] == [first.checkout_url]


def test_a_page_is_found_by_its_attempt_alone(case: Case):
    """Unless the provider hides its pages until the payer begins: then nobody can have been told its address."""
    request = case.request()
    assert case.provider.find_payment(case.account, request) is None
    made = case.provider.create_payment(case.account, request)
    case.provider.create_payment(case.account, case.request())
    assert case.provider.find_payment(case.account, request) == (made if case.fetch(made).seen else None)


def test_a_page_that_nobody_has_paid_is_pending(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    assert case.fetch(made).evidence == Evidence(State.PENDING, Source.PULL)


def test_a_paid_page_is_paid_with_its_amount(case: Case):
    request = case.request()
    made = case.provider.create_payment(case.account, request)
    case.act(made.checkout_url, "pay")
    payment = case.fetch(made)
    assert payment.evidence.state is State.PAID
    assert payment.evidence.source is Source.PULL
    assert payment.evidence.captured == request.amount.amount
    assert (payment.evidence.refunded, payment.evidence.no_dispute) == (0, True)
    assert payment.checkout_url is None
    assert attempt_of(payment.references) == request.attempt_id


def test_a_refused_attempt_leaves_a_page_that_can_be_paid(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "fail")
    assert case.fetch(made).evidence.state in (State.PENDING, State.FAILED)
    case.act(made.checkout_url, "pay")
    assert case.fetch(made).evidence.state is State.PAID


def test_an_expired_page_is_expired(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "expire")
    assert case.fetch(made, later=timedelta(days=8)).evidence.state is State.EXPIRED


def test_a_page_can_be_closed(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    closed = case.cancel(made)
    assert closed.evidence.state in (State.EXPIRED, State.CANCELLED)
    assert closed.checkout_url is None


def test_a_paid_page_cannot_be_closed(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    with pytest.raises(ProviderError) as caught:
        case.cancel(made)
    assert caught.value.effect is Effect.NOTHING


def test_a_refund_gives_back_once_however_often_it_is_sent(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    paid = case.fetch(made)
    refund = RefundRequest(uuid.uuid4(), paid.references, Money(50_000, "IDR"), reason="too many")
    first = case.provider.refund_payment(case.account, refund)
    assert first.amount == refund.amount
    assert first.state in (RefundState.SUCCEEDED, RefundState.PENDING)
    assert case.provider.refund_payment(case.account, refund).reference == first.reference
    if first.state is RefundState.PENDING:
        assert case.fetch(paid).evidence.refunded == 0
        case.act_on_charge("refund-complete")
    assert case.fetch(paid).evidence.refunded == 50_000


def paid(case: Case) -> Payment:
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    return case.fetch(made)


def test_a_refund_is_found_by_our_id_alone(case: Case):
    payment = paid(case)
    refund = RefundRequest(uuid.uuid4(), payment.references, Money(50_000, "IDR"))
    assert case.provider.find_refund(case.account, refund) is None
    made = case.provider.refund_payment(case.account, refund)
    other = RefundRequest(uuid.uuid4(), payment.references, Money(20_000, "IDR"))
    case.provider.refund_payment(case.account, other)
    found = case.provider.find_refund(case.account, refund)
    assert found is not None
    assert (found.refund_id, found.reference, found.amount) == (refund.refund_id, made.reference, made.amount)


@pytest.mark.parametrize(("fault", "made"), [("api_error_before", False), ("api_error_after", True)])
def test_a_refund_without_a_clear_answer_is_found_if_it_was_made(case: Case, fault: str, made: bool):
    refund = RefundRequest(uuid.uuid4(), paid(case).references, Money(50_000, "IDR"))
    case.fault(fault, match="POST")
    with pytest.raises(ProviderError) as caught:
        case.provider.refund_payment(case.account, refund)
    assert (caught.value.kind, caught.value.effect) == (ErrorKind.UNAVAILABLE, Effect.UNKNOWN)
    found = case.provider.find_refund(case.account, refund)
    assert (found is not None) == made


def test_our_refunds_are_listed_beside_the_sum_that_holds_them(case: Case):
    """Those of others are in the sum alone. What is listed as counted is never more than the sum."""
    payment = paid(case)
    ours = RefundRequest(uuid.uuid4(), payment.references, Money(50_000, "IDR"))
    made = case.provider.refund_payment(case.account, ours)
    before = case.fetch(payment, has_refunds=True)
    [listed] = before.refunds or ()
    assert (listed.refund_id, listed.state, listed.amount) == (ours.refund_id, made.state, ours.amount)
    assert listed.counted == (before.evidence.refunded == 50_000)
    if made.state is RefundState.PENDING:
        case.act_on_charge("refund-complete")
    exponent = case.call("GET", "/_sandbox/ledger")["charges"][0]["exponent"]
    case.act_on_charge("refund", amount=30_000 * 10**exponent)
    if any(refund["state"] == "pending" for refund in case.call("GET", "/_sandbox/ledger")["refunds"]):
        case.act_on_charge("refund-complete")
    after = case.fetch(payment)
    assert after.evidence.refunded == 80_000
    assert [(r.refund_id, r.state, r.counted) for r in after.refunds or ()] == [
        (ours.refund_id, RefundState.SUCCEEDED, True)
    ]


def test_a_refund_that_failed_is_listed_and_in_no_sum(case: Case):
    """Where the provider tells of one: also of one that had succeeded."""
    if not case.offers("refund-failed"):
        pytest.skip("this provider tells of no refund that fails after it was taken")
    payment = paid(case)
    refund = RefundRequest(uuid.uuid4(), payment.references, Money(50_000, "IDR"))
    case.provider.refund_payment(case.account, refund)
    case.act_on_charge("refund-failed")
    after = case.fetch(payment, has_refunds=True)
    assert after.evidence.refunded == 0
    assert [(r.state, r.counted) for r in after.refunds or ()] == [(RefundState.FAILED, False)]
    found = case.provider.find_refund(case.account, refund)
    assert found is not None
    assert (found.state, bool(found.failure)) == (RefundState.FAILED, True)


def test_a_payment_without_refunds_lists_none(case: Case):
    assert paid(case).refunds == ()


def held(case: Case) -> Payment:
    if not case.provider.capabilities.manual_capture:
        pytest.skip("this provider takes money at once")
    made = case.provider.create_payment(case.account, case.request(manual_capture=True))
    case.act(made.checkout_url, "pay")
    return case.fetch(made)


def test_money_is_only_held_where_that_is_asked_for(case: Case):
    payment = held(case)
    assert (payment.evidence.state, payment.amount) == (State.AUTHORIZED, Money(150_000, "IDR"))


def test_held_money_is_captured_once(case: Case):
    payment = held(case)
    query = case.query(payment)
    captured = case.provider.capture_payment(case.account, query, payment.amount)
    assert (captured.evidence.state, captured.evidence.captured) == (State.PAID, 150_000)
    with pytest.raises(ProviderError) as caught:
        case.provider.capture_payment(case.account, query, payment.amount)
    assert (caught.value.kind, caught.value.effect) == (ErrorKind.BAD_STATE, Effect.NOTHING)
    assert case.fetch(payment).evidence.captured == 150_000


def test_a_part_of_held_money_is_captured_where_that_can_be_told(case: Case):
    payment = held(case)
    if case.provider.capabilities.partial_capture:
        captured = case.provider.capture_payment(case.account, case.query(payment), Money(100_000, "IDR"))
        assert (captured.evidence.state, captured.evidence.captured) == (State.PAID, 100_000)
        assert captured.amount == payment.amount


def test_held_money_is_released_by_cancelling(case: Case):
    payment = held(case)
    assert case.cancel(payment).evidence.state is State.CANCELLED
    assert case.fetch(payment).evidence.state is State.CANCELLED


def test_what_is_not_held_is_not_captured(case: Case):
    payment = paid(case)
    with pytest.raises(ProviderError) as caught:
        case.provider.capture_payment(case.account, case.query(payment), payment.amount)
    assert (caught.value.kind, caught.value.effect) == (ErrorKind.BAD_STATE, Effect.NOTHING)


def test_the_webhooks_of_a_refund_lead_to_its_payment(case: Case):
    """They name the payment in a way that it is known by; what was given back is asked."""
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    paid = case.fetch(made)
    before = len(case.await_webhooks())
    ours = RefundRequest(uuid.uuid4(), paid.references, paid.amount)
    first = case.provider.refund_payment(case.account, ours)
    if first.state is RefundState.PENDING:
        case.act_on_charge("refund-complete")
    told = [case.provider.map_webhook(raw) for raw, _ in case.await_webhooks(more_than=before)[before:]]
    events = [event for event in told if event.ignored is None]
    assert events
    for event in events:
        assert not event.foreign
        assert set(event.references) & set(paid.references)
    assert any(Reference(REFUND, str(ours.refund_id)) in event.references for event in events)
    evidence = case.fetch(paid).evidence
    assert (evidence.captured, evidence.refunded) == (150_000, 150_000)


def test_more_than_was_paid_is_not_given_back(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    paid = case.fetch(made)
    with pytest.raises(ProviderError) as caught:
        case.provider.refund_payment(case.account, RefundRequest(uuid.uuid4(), paid.references, Money(150_001, "IDR")))
    assert caught.value.effect is Effect.NOTHING


@pytest.mark.parametrize(("action", "dispute"), [("dispute-won", None), ("dispute-lost", Dispute.LOST)])
def test_a_dispute_is_told_while_money_is_held(case: Case, action: str, dispute: Dispute | None):
    """And how it ended, where the provider tells."""
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    assert case.fetch(made).evidence.no_dispute
    case.act_on_charge("dispute")
    disputed = case.fetch(made).evidence
    assert (disputed.state, disputed.dispute) == (State.PAID, Dispute.OPEN)
    if case.offers(action):
        case.act_on_charge(action)
        evidence = case.fetch(made).evidence
        assert (evidence.dispute, evidence.no_dispute) == (dispute, dispute is None)


def test_an_unknown_reference_is_not_found(case: Case):
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    paid = case.fetch(made)
    strange = [replace(r, value=r.value[:-4] + "0000") for r in paid.references if r.kind != ATTEMPT]
    with pytest.raises(ProviderError) as caught:
        case.fetch(replace(paid, references=tuple(strange)))
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
    assert len(case.pages()) == 1
    other = case.provider.create_payment(case.account, case.request())
    hidden = not case.fetch(other).seen
    assert (case.provider.find_payment(case.account, request) is None) == hidden


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
        verified = case.signature.verify(raw, headers, case.account.credentials, datetime.now(UTC))
        assert verified.event_id
        assert verified.credential_id in {c.id for c in case.account.credentials}
        event = case.provider.map_webhook(raw)
        assert not event.foreign
        if event.evidence is not None and event.evidence.state in HAS_MONEY:
            claims.append(event)
            assert event.amount == request.amount
            assert set(event.references) & {Reference(ATTEMPT, str(request.attempt_id)), *made.references}
            if verified.assurance is not Assurance.BODY:
                assert case.fetch(made).evidence.state is State.PAID
    assert claims


def test_a_webhook_sent_twice_is_one_event(case: Case):
    case.fault("webhook_duplicate", copies=1, count=9)
    case.act(case.provider.create_payment(case.account, case.request()).checkout_url, "pay")
    now, ids = datetime.now(UTC), []
    for raw, headers in case.await_webhooks():
        ids.append(case.signature.verify(raw, headers, case.account.credentials, now).event_id)
    # Now and then a simulator, like its provider, sends one twice by itself.
    assert ids
    assert all(ids.count(event_id) >= 2 for event_id in ids)


def test_a_changed_webhook_is_refused(case: Case):
    """Every part that the signature covers, and at least the order that it speaks of; and no signature at all."""
    request = case.request()
    case.act(case.provider.create_payment(case.account, request).checkout_url, "pay")
    raw, headers = case.await_webhooks()[0]
    now = datetime.now(UTC)
    assurance = case.signature.verify(raw, headers, case.account.credentials, now).assurance
    refused = [(b"{}", {k: v for k, v in headers.items() if "signature" not in k and "token" not in k})]
    if assurance is Assurance.BODY:
        refused += [(raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :], headers) for i in range(len(raw))]
    elif assurance is Assurance.PARTIAL:
        refused += [(raw.replace(str(request.attempt_id).encode(), str(uuid.uuid4()).encode()), headers)]
    for body, sent in refused:
        with pytest.raises(WebhookRefused):
            case.signature.verify(body, sent, case.account.credentials, now)
    with pytest.raises(WebhookRefused):
        case.signature.verify(raw, headers, [], now)


def test_a_webhook_that_lost_its_body_is_refused(case: Case):
    """It would take the place of the whole one."""
    case.act(case.provider.create_payment(case.account, case.request()).checkout_url, "pay")
    raw, headers = case.await_webhooks()[0]
    for rest in (b"", raw[:1], raw[:-1]):
        with pytest.raises(WebhookRefused):
            case.signature.verify(rest, headers, case.account.credentials, datetime.now(UTC))


def test_both_secrets_verify_while_one_is_rolled(case: Case):
    case.act(case.provider.create_payment(case.account, case.request()).checkout_url, "pay")
    raw, headers = case.await_webhooks()[0]
    older = tuple(
        replace(c, id=uuid.uuid4(), secret=Secret("a-newer-secret-" + "0" * 30)) for c in case.account.credentials
    )
    verified = case.signature.verify(raw, headers, older + case.account.credentials, datetime.now(UTC))
    assert verified.credential_id in {c.id for c in case.account.credentials}


def test_an_old_signed_webhook_is_refused_where_the_scheme_has_time(case: Case):
    case.act(case.provider.create_payment(case.account, case.request()).checkout_url, "pay")
    raw, headers = case.await_webhooks()[0]
    now = datetime.now(UTC)
    if case.signature.verify(raw, headers, case.account.credentials, now).assurance is Assurance.BODY:
        for late in (timedelta(hours=1), timedelta(hours=-1)):
            with pytest.raises(WebhookRefused, match="outside_window"):
                case.signature.verify(raw, headers, case.account.credentials, now + late)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"7", b"null", b'{"type": []}', b"\xff", b"[" * 100_000])
def test_mapping_nonsense_says_so(case: Case, raw: bytes):
    with pytest.raises(UnreadableEvent):
        case.provider.map_webhook(raw)


AN_EMPTY_LIST = b"[]"
"""No nonsense to somebody who looks for a page."""

NONSENSE = [
    b"",
    b"null",
    AN_EMPTY_LIST,
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
    paid = case.fetch(made)
    refund = RefundRequest(uuid.uuid4(), paid.references, Money(1, "IDR"))
    with answering(answer) as address:
        provider = case.at(address)
        for call, effect in (
            (lambda: provider.create_payment(case.account, request), Effect.UNKNOWN),
            (lambda: provider.refund_payment(case.account, refund), Effect.UNKNOWN),
            (lambda: provider.fetch_payment(case.account, case.query(paid)), None),
            (lambda: provider.find_refund(case.account, refund), None),
            (lambda: provider.cancel_payment(case.account, case.query(paid)), None),
            (lambda: provider.find_payment(case.account, request), None),
        )[: 5 if answer == AN_EMPTY_LIST else 6]:
            with pytest.raises(ProviderError) as caught:
                call()
            assert caught.value.kind is ErrorKind.UNAVAILABLE
            assert effect is None or caught.value.effect is effect
