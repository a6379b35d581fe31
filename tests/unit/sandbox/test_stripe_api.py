"""Stripe's own client is the judge of the simulated API."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe
import urllib3

from .conftest import SECRET_KEY, Sandbox, order, stripe_client


def test_a_new_session_is_open_and_has_no_payment_intent(sandbox: Sandbox) -> None:
    """Create answers an open, unpaid session with a payment page, its total the sum of the line items."""
    table = {"currency": "usd", "unit_amount": 1234, "product_data": {"name": "Table"}}
    chair = {"currency": "usd", "unit_amount": 100, "product_data": {"name": "Chair"}}
    items: Any = [{"price_data": table, "quantity": 1}, {"price_data": chair, "quantity": 4}]
    session = sandbox.create(line_items=items)

    assert session.id.startswith("cs_test_")
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert (session.amount_total, session.currency) == (1634, "usd")
    assert session.url is not None
    assert session.url.endswith(f"/stripe/pay/{session.id}")
    assert session.expires_at - session.created == 24 * 3600
    assert session.client_reference_id == "ORDER-1"
    assert urllib3.request("GET", session.url.replace("localhost", "127.0.0.1")).status == 200


def test_a_paid_session_is_read_with_everything_expanded(sandbox: Sandbox) -> None:
    """After payment the url is null, and one read gives the intent and the charge; metadata stays apart."""
    session = sandbox.create()
    sandbox.control.pay(session.id)
    paid = sandbox.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]}
    )

    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.status, intent.amount_received) == ("succeeded", 15_000_000)
    assert (dict_of(paid.metadata), dict_of(intent.metadata)) == ({"order": "ORDER-1"}, {"payment": "ORDER-1"})
    assert (intent.latest_charge.amount_captured, intent.latest_charge.refunded) == (15_000_000, False)
    movement = intent.latest_charge.balance_transaction
    assert isinstance(movement, stripe.BalanceTransaction)
    assert (movement.amount, movement.net, movement.status) == (15_000_000, 15_000_000 - 435_000, "pending")
    assert paid.line_items is not None
    assert paid.line_items.data[0].description == "Café table"


def test_expire_closes_an_open_session_once(sandbox: Sandbox) -> None:
    """An expired session cannot be paid or expired again."""
    session = sandbox.create()
    assert sandbox.client.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.client.v1.checkout.sessions.expire(session.id)
    assert refused.value.http_status == 400
    sandbox.control.pay(session.id, status=409)
    assert sandbox.control.ledger()["charges"] == []


def test_a_session_expires_by_the_clock(sandbox: Sandbox) -> None:
    """A session past its time is expired on the next read, without any background work."""
    session = sandbox.create(expires_at=int(time.time()) + 1810)
    sandbox.clock.offset_s = 1811
    assert sandbox.client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    sandbox.control.pay(session.id, status=409)


def test_refunds_are_partial_then_full_then_refused(sandbox: Sandbox) -> None:
    """Refunds add up on the charge and end with charge_already_refunded."""
    intent = paid_intent(sandbox)
    refunds = sandbox.client.v1.refunds
    first = refunds.create({"payment_intent": intent.id, "amount": 5_000_000, "metadata": {"refund": "R1"}})
    charge = sandbox.client.v1.charges.retrieve(str(first.charge), {"expand": ["refunds"]})

    assert (first.status, first.amount) == ("succeeded", 5_000_000)
    assert (charge.amount_refunded, charge.refunded) == (5_000_000, False)
    with pytest.raises(stripe.InvalidRequestError) as too_much:
        refunds.create({"payment_intent": intent.id, "amount": 10_000_001})
    assert (too_much.value.http_status, too_much.value.param) == (400, "amount")
    assert refunds.create({"charge": charge.id}).amount == 10_000_000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_already_refunded"
    assert sandbox.client.v1.charges.retrieve(charge.id).refunded is True
    assert [refund.amount for refund in refunds.list({"payment_intent": intent.id})] == [10_000_000, 5_000_000]
    assert dict_of(refunds.retrieve(first.id).metadata) == {"refund": "R1"}
    assert [refund["amount"] for refund in sandbox.control.ledger()["refunds"]] == [10_000_000, 5_000_000]


def test_a_refund_of_a_bank_transfer_waits_and_can_be_cancelled(sandbox: Sandbox) -> None:
    """requires_action is the only state in which a refund can be cancelled; the charge counts it no longer."""
    session = sandbox.create()
    sandbox.control.pay(session.id, "pay-delayed")
    sandbox.control.pay(session.id, "settle-delayed")
    intent = str(sandbox.client.v1.checkout.sessions.retrieve(session.id).payment_intent)
    refund = sandbox.client.v1.refunds.create({"payment_intent": intent})
    assert refund.status == "requires_action"
    assert sandbox.client.v1.refunds.cancel(refund.id).status == "canceled"
    assert sandbox.client.v1.charges.retrieve(str(refund.charge)).amount_refunded == 0
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.client.v1.refunds.cancel(refund.id)


def test_manual_capture_authorizes_then_captures_a_part(sandbox: Sandbox) -> None:
    """A manual session completes unpaid with requires_capture; the capture decides the amount."""
    intent = paid_intent(sandbox, payment_intent_data={"capture_method": "manual"})
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 15_000_000)
    assert sandbox.control.ledger()["pages"][0]["state"] == "authorized"
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.client.v1.refunds.create({"payment_intent": intent.id})
    captured = sandbox.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 10_000_000})
    assert (captured.status, captured.amount_received) == ("succeeded", 10_000_000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.client.v1.payment_intents.capture(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert sandbox.control.ledger()["charges"][0]["amount"] == 10_000_000
    charge = sandbox.client.v1.charges.retrieve(str(captured.latest_charge))
    assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (15_000_000, 10_000_000, 5_000_000)
    assert not charge.refunded


def test_the_rest_of_a_partial_capture_is_told_as_a_refund_that_gives_nothing_back(sandbox: Sandbox) -> None:
    intent = paid_intent(sandbox, payment_intent_data={"capture_method": "manual"})
    sandbox.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 10_000_000})
    [release] = sandbox.client.v1.refunds.list({"payment_intent": intent.id}).data
    assert (release.amount, release.status, release.metadata.to_dict()) == (5_000_000, "succeeded", {})
    charge = sandbox.control.ledger()["charges"][0]
    assert (charge["amount_refunded"], sandbox.control.ledger()["refunds"]) == (0, [])
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.client.v1.refunds.create({"payment_intent": intent.id, "amount": 10_000_001})
    sandbox.client.v1.refunds.create({"payment_intent": intent.id})
    assert sandbox.control.ledger()["charges"][0]["amount_refunded"] == 10_000_000
    told = sandbox.client.v1.charges.retrieve(str(release.charge))
    assert (told.amount_refunded, told.refunded) == (15_000_000, True)


def test_an_authorization_can_be_voided(sandbox: Sandbox) -> None:
    """Cancelling an authorized intent releases it; nothing was taken."""
    intent = paid_intent(sandbox, payment_intent_data={"capture_method": "manual"})
    voided = sandbox.client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (voided.status, voided.cancellation_reason) == ("canceled", "abandoned")
    assert sandbox.control.ledger()["charges"][0]["state"] == "voided"


def test_the_intent_of_an_open_session_cannot_be_cancelled(sandbox: Sandbox) -> None:
    """After a decline the session still owns its intent: it is closed by expiring the session."""
    session = sandbox.create()
    sandbox.control.pay(session.id, "fail")
    intent = str(sandbox.client.v1.checkout.sessions.retrieve(session.id).payment_intent)
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.client.v1.payment_intents.cancel(intent)
    sandbox.client.v1.checkout.sessions.expire(session.id)
    assert sandbox.client.v1.payment_intents.retrieve(intent).status == "canceled"


def test_lists_are_newest_first_and_page_by_id(sandbox: Sandbox) -> None:
    """Auto-pagination walks all pages in both directions, and the filters hold."""
    made = [sandbox.create(f"ORDER-{number}").id for number in range(7)]
    sessions = sandbox.client.v1.checkout.sessions
    assert [item.id for item in sessions.list({"limit": 3}).auto_paging_iter()] == made[::-1]
    before: Any = {"limit": 2, "ending_before": made[2]}
    assert [item.id for item in sessions.list(before).data] == [made[4], made[3]]
    assert sessions.list(before).has_more is True
    assert sessions.list({"created": {"gt": int(time.time()) + 60}}).data == []
    sandbox.control.pay(made[0])
    assert [item.id for item in sessions.list({"status": "complete"}).data] == [made[0]]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sessions.list({"starting_after": "cs_test_unknown"})
    assert (refused.value.code, refused.value.param) == ("resource_missing", "starting_after")
    with pytest.raises(stripe.InvalidRequestError):
        sessions.list({"limit": 101})


def test_events_can_be_replayed_for_thirty_days(sandbox: Sandbox) -> None:
    """The event list gives what webhooks missed, by type and by delivery, and forgets after 30 days."""
    sandbox.control.fault("webhook_drop", match="charge.succeeded")
    session = sandbox.create()
    sandbox.control.pay(session.id)
    sandbox.control.settled()
    events = sandbox.client.v1.events
    completed = events.list({"types": ["checkout.session.completed", "payment_intent.*"]}).data
    assert {event.type for event in completed} == {"checkout.session.completed", "payment_intent.succeeded"}
    missed = events.list({"delivery_success": False}).data
    assert [event.type for event in missed] == ["charge.succeeded"]
    assert events.retrieve(missed[0].id).data.object["amount"] == 15_000_000
    sandbox.clock.offset_s = 30 * 86_400 + 60
    assert events.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as gone:
        events.retrieve(missed[0].id)
    assert gone.value.http_status == 404


def test_the_balance_shows_each_movement(sandbox: Sandbox) -> None:
    """A charge, its refund and a dispute each move the balance once."""
    intent = paid_intent(sandbox)
    sandbox.client.v1.refunds.create({"payment_intent": intent.id, "amount": 5_000_000})
    charge = str(intent.latest_charge)
    sandbox.control.charge(charge, "dispute")
    sandbox.control.charge(charge, "dispute-won")
    movements = sandbox.client.v1.balance_transactions.list().data
    assert [item.amount for item in movements] == [10_000_000, -10_000_000, -5_000_000, 15_000_000]
    sandbox.clock.offset_s = 3 * 86_400
    assert sandbox.client.v1.balance_transactions.retrieve(movements[0].id).status == "available"
    assert sandbox.client.v1.payouts.list().data == []
    assert [dispute.status for dispute in sandbox.client.v1.disputes.list({"charge": charge}).data] == ["won"]


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"mode": None}, "parameter_missing", "mode"),
        ({"success_url": None}, "parameter_missing", "success_url"),
        ({"line_items": None}, "parameter_missing", "line_items"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"payment_method_types": ["card"]}, "parameter_unknown", "payment_method_types"),
        ({"success_url": "thanks"}, "url_invalid", "success_url"),
        ({"expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"expires_at": 1}, None, "expires_at"),
        ({"expires_at": 4102444800}, None, "expires_at"),
        ({"ui_mode": "hosted"}, None, "ui_mode"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
        ({"metadata": {f"k{n}": "v" for n in range(51)}}, None, "metadata"),
        ({"line_items": [{"price": "price_1", "quantity": 1}]}, "resource_missing", "line_items[0][price]"),
        (order(units=799_999), "amount_too_small", "line_items"),
        (order(units=100_000_000, currency="usd"), "amount_too_large", "line_items"),
        (order(units=15_001, currency="kwd"), None, "line_items"),
    ],
)
def test_a_bad_parameter_is_named(sandbox: Sandbox, change: Any, code: str | None, param: str) -> None:
    """Each bad parameter gives 400 or 404 with Stripe's code and the parameter's name, and no page."""
    given = {name: value for name, value in {**order(), **change}.items() if value is not None}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.client.v1.checkout.sessions.create(given)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.param) == (code, param)
    assert refused.value.request_id is not None
    assert refused.value.request_id.startswith("req_")
    assert sandbox.control.ledger()["pages"] == []


def test_older_versions_keep_their_own_rules(sandbox: Sandbox) -> None:
    """payment_method_types and `hosted` exist before the versions that dropped them."""
    old: Any = {**order(), "payment_method_types": ["card"], "ui_mode": "hosted"}
    session = sandbox.client.v1.checkout.sessions.create(old, {"stripe_version": "2025-03-31.basil"})
    assert session.ui_mode == "hosted"
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.client.v1.checkout.sessions.create(order(), {"stripe_version": "yesterday"})


def test_unknown_objects_and_bad_keys_are_refused(sandbox: Sandbox) -> None:
    """404 for an unknown id, 401 for a wrong or missing key; a key as Basic user works."""
    with pytest.raises(stripe.InvalidRequestError) as missing:
        sandbox.client.v1.checkout.sessions.retrieve("cs_test_none")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.AuthenticationError):
        stripe_client(sandbox.url, "sk_test_wrong").v1.checkout.sessions.list()
    url = f"{sandbox.url}/stripe/v1/checkout/sessions"
    assert urllib3.request("GET", url).status == 401
    basic = urllib3.make_headers(basic_auth=f"{SECRET_KEY}:")
    assert urllib3.request("GET", url, headers=basic).status == 200
    assert urllib3.request("GET", f"{sandbox.url}/stripe/v1/unicorns", headers=basic).status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"mode=\xff",
        b"mode[payment]=1",
        b"mode=payment&mode[x]=1",
        b"line_items[a]=1",
        b"line_items[0]=1",
        b"line_items[0][price_data]=1",
        b"line_items[0][quantity]=99999999999999999999",
        b"a[b][c][d][e][f][g][h][i][j]=1",
        b"[]=1",
        b"=1",
        b"mode[=payment",
        b"metadata[" + b"k" * 41 + b"]=v",
        b"&".join(b"k%d=v" % n for n in range(2001)),
        b'{"mode": "payment"}',
        b"expires_at=%EF%BC%91",
    ],
)
def test_hostile_forms_are_refused(sandbox: Sandbox, body: bytes) -> None:
    """No body, however odd, gives anything but a 400."""
    headers = {"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = urllib3.request("POST", f"{sandbox.url}/stripe/v1/checkout/sessions", body=body, headers=headers)
    assert answer.status == 400, answer.data


def test_an_idempotency_key_gives_the_first_answer_again(sandbox: Sandbox) -> None:
    """The same key and parameters make one page; other parameters are an idempotency_error."""
    sessions = sandbox.client.v1.checkout.sessions
    first = sessions.create(order(), {"idempotency_key": "K1"})
    again = sessions.create(order(), {"idempotency_key": "K1"})
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError) as refused:
        sessions.create(order("ORDER-2"), {"idempotency_key": "K1"})
    assert refused.value.http_status == 400
    assert len(sandbox.control.ledger()["pages"]) == 1
    sandbox.clock.offset_s = 24 * 3600 + 60
    assert sessions.create(order(), {"idempotency_key": "K1"}).id != first.id


def test_validation_refusals_do_not_use_up_a_key(sandbox: Sandbox) -> None:
    """A key that met a bad parameter can be used for the corrected request; one that executed and failed cannot."""
    sessions = sandbox.client.v1.checkout.sessions
    bad: Any = {**order(), "success_url": "thanks"}
    with pytest.raises(stripe.InvalidRequestError):
        sessions.create(bad, {"idempotency_key": "K2"})
    assert sessions.create(order(), {"idempotency_key": "K2"}).status == "open"
    intent = paid_intent(sandbox)
    refunds = sandbox.client.v1.refunds
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError):
            refunds.create({"payment_intent": intent.id, "amount": 99_000_000}, {"idempotency_key": "K3"})
    with pytest.raises(stripe.IdempotencyError):
        refunds.create({"payment_intent": intent.id}, {"idempotency_key": "K3"})


def test_a_stored_500_is_replayed(sandbox: Sandbox) -> None:
    """An error after the work keeps the key: the repetition gives the same 500, and there is one page."""
    sandbox.control.fault("api_error_after", count=1)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            sandbox.client.v1.checkout.sessions.create(order(), {"idempotency_key": "K4"})
        assert failed.value.http_status == 500
    assert len(sandbox.control.ledger()["pages"]) == 1


def test_errors_before_the_work_are_not_stored(sandbox: Sandbox) -> None:
    """A 503 or 429 before the work leaves nothing behind: the same key then succeeds."""
    sandbox.control.fault("api_error_before", count=1)
    sandbox.control.fault("api_rate_limit", count=1)
    sessions = sandbox.client.v1.checkout.sessions
    with pytest.raises(stripe.RateLimitError):
        sessions.create(order(), {"idempotency_key": "K5"})
    with pytest.raises(stripe.APIError) as failed:
        sessions.create(order(), {"idempotency_key": "K5"})
    assert failed.value.http_status == 503
    assert sessions.create(order(), {"idempotency_key": "K5"}).status == "open"


def test_a_call_can_do_its_work_and_hang_up(sandbox: Sandbox) -> None:
    """After `api_timeout` the page exists though no answer came; the same key finds it."""
    sandbox.control.fault("api_timeout", seconds=0.2, count=1)
    sessions = sandbox.client.v1.checkout.sessions
    with pytest.raises(stripe.APIConnectionError):
        sessions.create(order(), {"idempotency_key": "K6"})
    assert sessions.create(order(), {"idempotency_key": "K6"}).id == sandbox.control.ledger()["pages"][0]["id"]


def test_one_key_used_at_the_same_time_makes_one_page(sandbox: Sandbox) -> None:
    """Of many concurrent requests with one key, each gives the one page or 409."""

    def create(_: int) -> str | int | None:
        try:
            return sandbox.client.v1.checkout.sessions.create(order(), {"idempotency_key": "K7"}).id
        except stripe.StripeError as exc:
            return exc.http_status

    with ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(create, range(24)))
    assert len(outcomes - {409}) == 1
    assert len(sandbox.control.ledger()["pages"]) == 1


def dict_of(metadata: Any) -> dict[str, str]:
    return dict(metadata.to_dict())


def paid_intent(sandbox: Sandbox, **changes: Any) -> stripe.PaymentIntent:
    session = sandbox.create(**changes)
    sandbox.control.pay(session.id)
    intent = sandbox.client.v1.checkout.sessions.retrieve(session.id).payment_intent
    return sandbox.client.v1.payment_intents.retrieve(str(intent))
