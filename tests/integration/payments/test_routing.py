"""Routing and failover through the whole of PayLink: where an order goes, and who stands in when that fails."""

import uuid
from collections import Counter
from typing import Any

import pytest

from paylink.core.money import Money
from paylink.core.secret import Secret
from paylink.core.states import Evidence, Source, State
from paylink.providers.payments import Payment
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.services.evidence import Claim, apply_evidence, weigh_evidence
from paylink.services.evidence import Effect as Weighed
from paylink.store import transactions as tx
from paylink.store.changes import Proof
from paylink.store.provisioning import ensure_account, set_credentials
from paylink.store.sealing import Place
from support.signing import intent_event
from support.stack import ORDER, Answer, Stack

NEVER_LEFT = ProviderError(ErrorKind.UNAVAILABLE, "ConnectTimeoutError", effect=Effect.NOTHING, sent=False)
TOO_FAST = ProviderError(ErrorKind.RATE_LIMITED, "http_429", effect=Effect.NOTHING)
WRONG_KEY = ProviderError(ErrorKind.AUTH, "http_401", effect=Effect.NOTHING)


def account(provider: str, name: str = "default", weight: int | None = None) -> dict[str, Any]:
    return {"provider": provider, "account": name} | ({} if weight is None else {"weight": weight})


def rule(*accounts: dict[str, Any], **conditions: Any) -> dict[str, Any]:
    return conditions | {"accounts": list(accounts)}


def set_rules(stack: Stack, *rules: dict[str, Any]) -> None:
    merchant_id = stack.rows("select id from merchants")[0]["id"]
    answer = stack.operator("PUT", f"/v1/merchants/{merchant_id}/routing", {"rules": list(rules)})
    assert answer.status == 200, answer
    # As if the few seconds had passed in which a process may go by the rules it knows.
    vars(stack.deps).pop("checkout", None)


def in_order(stack: Stack, *providers: str) -> None:
    set_rules(stack, rule(*map(account, providers)))


def auto(stack: Stack, key: str | None = None, **changes: Any) -> Answer:
    """A checkout that names no provider."""
    order = {name: value for name, value in (ORDER | changes).items() if name != "provider" or name in changes}
    return stack.merchant("POST", "/v1/checkout", order, idempotency_key=key or uuid.uuid4().hex)


def broken(stack: Stack, monkeypatch: pytest.MonkeyPatch, slug: str, error: Exception) -> list[Any]:
    """Have every creation at a provider fail with `error`; returns the requests that it gets."""
    asked: list[Any] = []

    def fail(account: Any, request: Any) -> Payment:
        asked.append(request)
        raise error

    monkeypatch.setattr(stack.deps.providers[slug], "create_payment", fail)
    return asked


def tries(stack: Stack, transaction_id: str) -> list[tuple[str, str, str | None]]:
    attempts = stack.transaction(transaction_id)["attempts"]
    return [(attempt["provider"], attempt["outcome"], attempt["error"]) for attempt in attempts]


def second_account(stack: Stack, provider: str, name: str = "second") -> uuid.UUID:
    """One more account of the demo merchant, with the same credentials."""
    merchant_id = stack.rows("select id from merchants")[0]["id"]

    def make(uow: Any) -> uuid.UUID:
        account_id = ensure_account(uow, merchant_id, provider, name, is_default=False)
        for field in stack.deps.providers[provider].credential_fields:
            secret = Secret(stack.environ[field.environment])
            set_credentials(uow, stack.deps.sealer, Place(merchant_id, account_id, field.name), [secret])
        return account_id

    return stack.deps.database.run(make)


# Where an order goes


def test_without_rules_the_first_account_that_can_takes_the_order(stack: Stack):
    """One account of each provider, in the order in which they were made; what it cannot take goes to the next."""
    first = auto(stack)
    assert (first.status, first.body["provider"]) == (201, "midtrans")
    assert auto(stack, currency="JPY", amount=1_500).body["provider"] == "stripe"
    assert auto(stack, provider="auto").body["provider"] == "midtrans"


def test_left_out_and_auto_are_one_request(stack: Stack):
    assert auto(stack, "k").body == auto(stack, "k", provider="auto").body
    assert stack.checkout("k", provider="midtrans").status == 422


def test_a_provider_that_is_named_takes_the_order_whatever_the_rules_say(stack: Stack):
    in_order(stack, "xendit")
    assert stack.checkout(provider="stripe").body["provider"] == "stripe"


def test_rules_choose_by_currency_amount_and_methods(stack: Stack):
    set_rules(
        stack,
        rule(account("stripe"), currency="USD"),
        rule(account("xendit"), payment_methods=["qris", "ewallet"]),
        rule(account("midtrans"), currency="IDR", amount_min=100_000, amount_max=200_000),
        rule(account("stripe"), currency="IDR", amount_min=200_001),
    )
    assert auto(stack, currency="USD", amount=1234).body["provider"] == "stripe"
    assert auto(stack, payment_methods=["qris"]).body["provider"] == "xendit"
    assert auto(stack, payment_methods=["qris", "card"]).body["provider"] == "midtrans"
    assert auto(stack, amount=200_000).body["provider"] == "midtrans"
    assert auto(stack, amount=200_001).body["provider"] == "stripe"


def test_an_order_that_no_rule_takes_is_refused(stack: Stack):
    set_rules(stack, rule(account("stripe"), currency="USD"))
    answer = auto(stack)
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "provider")
    assert stack.rows("select count(*) as n from idempotency_keys") == [{"n": 0}]


def test_an_order_that_no_account_of_its_rule_can_take_is_told_why(stack: Stack):
    set_rules(stack, rule(account("midtrans"), account("stripe")))
    answer = auto(stack, payment_methods=["retail"], currency="USD", amount=1234)
    assert {error["field"] for error in answer.body["errors"]} == {"currency", "payment_methods"}


def test_weights_split_orders_and_a_retry_goes_where_the_first_went(stack: Stack):
    set_rules(stack, rule(account("stripe", weight=75), account("xendit", weight=25)))
    answers = {f"k{n}": auto(stack, f"k{n}") for n in range(40)}
    split = Counter(answer.body["provider"] for answer in answers.values())
    # Five standard deviations of 40 throws at 3:1.
    assert 16 <= split["stripe"] <= 40
    assert split["xendit"] > 0
    stack.forget("answer")
    in_order(stack, "midtrans")
    assert all(auto(stack, key).body == answer.body for key, answer in answers.items())


def test_a_retry_after_nothing_was_made_keeps_to_the_accounts_it_was_begun_with(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    in_order(stack, "stripe", "xendit")
    with monkeypatch.context() as patch:
        broken(stack, patch, "stripe", NEVER_LEFT)
        broken(stack, patch, "xendit", NEVER_LEFT)
        assert auto(stack, "k").status == 503
    in_order(stack, "midtrans")
    answer = auto(stack, "k")
    assert (answer.status, answer.body["provider"]) == (201, "stripe")
    assert tries(stack, answer.body["id"]) == [
        ("stripe", "not_sent", "ConnectTimeoutError"),
        ("xendit", "not_sent", "ConnectTimeoutError"),
        ("stripe", "pending", None),
    ]


def test_another_merchants_account_is_never_used(stack: Stack):
    """Even if its id stood in the stored rules."""
    in_order(stack, "stripe", "xendit")
    stack.rows(
        "with other as (insert into merchants (id, name) values (gen_random_uuid(), 'Other') returning id)"
        " update provider_accounts set merchant_id = other.id from other where provider = 'stripe'"
    )
    assert auto(stack).body["provider"] == "xendit"


# Failover


@pytest.mark.parametrize(
    ("error", "outcome"), [(NEVER_LEFT, "not_sent"), (TOO_FAST, "not_sent"), (WRONG_KEY, "declined")]
)
def test_the_next_account_stands_in_when_surely_nothing_was_made(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, error: ProviderError, outcome: str
):
    in_order(stack, "stripe", "xendit")
    broken(stack, monkeypatch, "stripe", error)
    answer = auto(stack)
    assert (answer.status, answer.body["provider"]) == (201, "xendit")
    assert tries(stack, answer.body["id"]) == [("stripe", outcome, error.code), ("xendit", "pending", None)]
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    assert stack.states(answer.body["id"]) == ["pending", "paid"]


def test_a_provider_that_cannot_be_connected_to_is_stood_in_for(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Nothing played: nobody listens there."""
    in_order(stack, "stripe", "midtrans")
    monkeypatch.setattr(stack.deps.providers["stripe"]._client._http, "_base", "http://127.0.0.1:9")
    answer = auto(stack)
    assert answer.status == 201
    assert tries(stack, answer.body["id"]) == [
        ("stripe", "not_sent", "NewConnectionError"),
        ("midtrans", "pending", None),
    ]


@pytest.mark.parametrize(
    "error",
    [
        ProviderError(ErrorKind.UNAVAILABLE, "ReadTimeoutError", effect=Effect.UNKNOWN),
        ProviderError(ErrorKind.UNAVAILABLE, "http_500", effect=Effect.UNKNOWN, stored=True),
        ProviderError(ErrorKind.DUPLICATE, "http_409", effect=Effect.UNKNOWN),
    ],
    ids=lambda error: error.code,
)
def test_nobody_stands_in_while_a_page_may_have_been_made(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, error: ProviderError
):
    in_order(stack, "stripe", "xendit")
    broken(stack, monkeypatch, "stripe", error)
    answer = auto(stack)
    assert (answer.status, answer.body["provider"]) == (202, "stripe")
    assert tries(stack, answer.body["id"]) == [("stripe", "unknown", error.code)]


def test_nobody_stands_in_for_an_order_that_is_refused(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    in_order(stack, "stripe", "xendit")
    broken(stack, monkeypatch, "stripe", ProviderError(ErrorKind.VALIDATION, "too_small", effect=Effect.NOTHING))
    answer = auto(stack)
    assert (answer.status, answer.problem) == (422, "provider-refused")
    assert stack.rows("select state, provider from transactions") == [{"state": "failed", "provider": "stripe"}]


def test_an_account_that_is_refused_everything_raises_an_alert(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """A revoked key must not be noticed by the bill of the account that stands in."""
    in_order(stack, "stripe", "xendit")
    broken(stack, monkeypatch, "stripe", WRONG_KEY)
    assert auto(stack).status == 201
    assert "account_refused" in [getattr(record, "alert", None) for record in caplog.records]


def test_an_order_fails_only_when_every_account_refuses(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    in_order(stack, "stripe", "xendit")
    broken(stack, monkeypatch, "xendit", WRONG_KEY)
    with monkeypatch.context() as patch:
        broken(stack, patch, "stripe", NEVER_LEFT)
        assert auto(stack, "k").status == 503
    assert auto(stack, "k").status == 201
    broken(stack, monkeypatch, "stripe", WRONG_KEY)
    assert auto(stack).status == 422


def test_an_account_whose_breaker_is_open_is_passed_over_and_that_is_recorded(stack: Stack):
    in_order(stack, "stripe", "xendit")
    breakers, [row] = stack.deps.breakers, stack.rows("select id from provider_accounts where provider = 'stripe'")
    for _ in range(5):
        breakers.report(row["id"], breakers.admit(row["id"]), worked=False)
    answer = auto(stack)
    assert (answer.status, answer.body["provider"]) == (201, "xendit")
    assert tries(stack, answer.body["id"]) == [("stripe", "not_sent", "breaker_open"), ("xendit", "pending", None)]


def test_a_page_lives_as_long_as_every_account_of_its_route_allows(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """The one that stands in makes it for the time that was promised."""
    in_order(stack, "midtrans", "stripe")
    with monkeypatch.context() as patch:
        broken(stack, patch, "midtrans", NEVER_LEFT)
        answer = auto(stack)
    assert (answer.status, answer.body["provider"]) == (201, "stripe")
    in_order(stack, "stripe", "midtrans")
    assert auto(stack, expires_in_s=7 * 24 * 3600).body["provider"] == "midtrans"


def test_two_accounts_of_one_provider_stand_in_for_each_other(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    second = second_account(stack, "stripe")
    set_rules(stack, rule(account("stripe"), account("stripe", "second")))
    create = stack.deps.providers["stripe"].create_payment

    def one_fails(account: Any, request: Any) -> Payment:
        if account.name == "default":
            raise NEVER_LEFT
        return create(account, request)

    monkeypatch.setattr(stack.deps.providers["stripe"], "create_payment", one_fails)
    answer = auto(stack)
    assert answer.status == 201
    assert [a["account"] for a in stack.transaction(answer.body["id"])["attempts"]] == ["default", "second"]
    assert stack.rows("select account_id from transactions") == [{"account_id": second}]


# One transaction, several accounts


def failed_over(stack: Stack, monkeypatch: pytest.MonkeyPatch, first: str, second: str) -> Answer:
    """A checkout whose first account made nothing, as it said."""
    in_order(stack, first, second)
    with monkeypatch.context() as patch:
        broken(stack, patch, first, NEVER_LEFT)
        answer = auto(stack)
    assert answer.body["provider"] == second
    return answer


def first_attempt(stack: Stack) -> str:
    return str(stack.rows("select id from attempts where number = 1")[0]["id"])


def test_what_an_account_says_of_an_attempt_that_was_not_made_there_is_not_believed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    """Its events are matched among its own references only."""
    answer = failed_over(stack, monkeypatch, "stripe", "xendit")
    stack.deliver(intent_event("succeeded", "evt_1", stack.attempt_id(answer.body["id"])))
    stack.try_each_event()
    assert stack.transaction(answer.body["id"])["state"] == "pending"
    assert [(event["state"], event["reason"]) for event in stack.events()] == [("parked", "no_transaction")]


def test_money_on_an_older_attempts_account_is_taken_and_asked_about_there(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    """The provider had said that it made nothing: whatever the reason, the payer's money counts."""
    answer = failed_over(stack, monkeypatch, "stripe", "xendit")
    stack.deliver(intent_event("succeeded", "evt_1", first_attempt(stack)))
    stack.try_each_event()
    transaction = stack.transaction(answer.body["id"])
    assert (transaction["state"], transaction["captured"], transaction["provider"]) == ("paid", 150_000, "stripe")
    [row] = stack.rows("select a.provider from transactions t join provider_accounts a on a.id = t.account_id")
    assert row["provider"] == "stripe"


def test_a_second_payment_on_the_page_of_another_account_raises_an_alert(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    answer = failed_over(stack, monkeypatch, "stripe", "xendit")
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    stack.deliver(intent_event("succeeded", "evt_1", first_attempt(stack)))
    stack.try_each_event()
    transaction = stack.transaction(answer.body["id"])
    assert (transaction["state"], transaction["captured"], transaction["provider"]) == ("paid", 150_000, "xendit")
    assert "paid_twice" in [getattr(record, "alert", None) for record in caplog.records]


def test_the_end_of_a_page_at_an_older_account_ends_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    answer = failed_over(stack, monkeypatch, "stripe", "xendit")
    stack.deliver(intent_event("canceled", "evt_1", first_attempt(stack)))
    stack.try_each_event()
    assert stack.transaction(answer.body["id"])["state"] == "pending"


@pytest.mark.parametrize("second", ["midtrans", "xendit", "stripe"])
def test_a_payment_that_was_failed_over_is_found_by_asking_its_own_provider(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, second: str
):
    answer = failed_over(stack, monkeypatch, "xendit" if second == "stripe" else "stripe", second)
    stack.fault("webhook_drop")
    stack.pay(answer.body["checkout_url"])
    stack.await_deliveries()
    assert stack.reconcile()["failed"] == 0
    assert stack.transaction(answer.body["id"])["state"] == "paid"


def test_once_an_attempt_may_have_reached_its_provider_no_other_account_makes_a_page(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    """Its page's address was lost with the answer; the next attempt is made there as well, or nowhere."""
    in_order(stack, "midtrans", "stripe")
    stack.fault("api_error_after", count=1, match="POST")
    assert auto(stack, "k").status == 202
    with monkeypatch.context() as patch:
        broken(stack, patch, "midtrans", NEVER_LEFT)
        assert auto(stack, "k").status == 503
    answer = auto(stack, "k")
    assert (answer.status, answer.body["provider"]) == (201, "midtrans")
    assert [(provider, outcome) for provider, outcome, _ in tries(stack, answer.body["id"])] == [
        ("midtrans", "not_sent"),
        ("midtrans", "not_sent"),
        ("midtrans", "pending"),
    ]


def test_another_account_is_not_tried_when_little_time_is_left(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """All calls end within half of the lease, so that nobody takes over while one is under way."""
    from paylink.services import checkout

    in_order(stack, "stripe", "xendit")
    broken(stack, monkeypatch, "stripe", NEVER_LEFT)
    asked = broken(stack, monkeypatch, "xendit", NEVER_LEFT)
    monkeypatch.setattr(checkout, "ANOTHER_ACCOUNT_WITHIN_S", 60.0)
    assert auto(stack, "k").status == 503
    assert asked == []
    assert stack.rows("select outcome from attempts") == [{"outcome": "not_sent"}]


def test_evidence_of_an_older_account_does_not_count_without_an_attempt(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Its account alone tells that it speaks of something else than the present page."""
    answer = failed_over(stack, monkeypatch, "stripe", "xendit")
    transaction = stack.deps.database.run(lambda uow: tx.read_transaction(uow, uuid.UUID(answer.body["id"])))
    assert transaction is not None
    [row] = stack.rows("select id from provider_accounts where provider = 'stripe'")
    claim = Claim(Evidence(State.EXPIRED, Source.PULL), None, None, row["id"])
    weighed = weigh_evidence(transaction, claim, Proof("pull", None, None), stack.deps.parts.alerts)
    assert (weighed.effect, weighed.reason) == (Weighed.IGNORED, "other_attempt")


# A provider that is not enabled any more


def test_a_key_whose_page_was_asked_of_it_is_told_so(stack: Stack):
    """Nobody knows whether there is a page; once it is enabled again, the same key goes on."""
    in_order(stack, "stripe", "xendit")
    stack.fault("api_error_before", count=1, match="POST")
    assert auto(stack, "k").status == 202
    with stack.disabled("stripe"):
        for _ in range(2):
            answer = auto(stack, "k")
            assert (answer.status, answer.problem) == (422, "not-supported")
            assert answer.body["detail"] == "stripe is not enabled here any more"
    assert (auto(stack, "k").status, len(stack.ledger()["pages"])) == (201, 1)


def test_another_account_of_the_route_stands_in_for_it(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    in_order(stack, "stripe", "xendit")
    with monkeypatch.context() as patch:
        broken(stack, patch, "stripe", NEVER_LEFT)
        broken(stack, patch, "xendit", NEVER_LEFT)
        assert auto(stack, "k").status == 503
    with stack.disabled("stripe", "xendit"):
        answer = auto(stack, "k")
        assert (answer.status, answer.problem) == (422, "not-supported")
    with stack.disabled("stripe"):
        answer = auto(stack, "k")
    assert (answer.status, answer.body["provider"]) == (201, "xendit")


def test_reconciliation_goes_on_without_it(stack: Stack):
    stack.checkout(provider="stripe")
    other = stack.checkout(provider="xendit").body
    stack.fault("webhook_drop")
    stack.pay(other["checkout_url"])
    stack.await_deliveries()
    with stack.disabled("stripe"):
        run = stack.reconcile()
    assert (run["state"], run["checked"], run["changed"]) == ("finished", 1, 1)


# Which account the money came by


def claim_on(stack: Stack, number: int, state: State, captured: int | None = None) -> Claim:
    """What the account of the transaction's nth attempt tells of its page."""
    [attempt] = stack.rows("select id, account_id from attempts where number = %s", number)
    evidence = Evidence(state, Source.PULL, captured=captured)
    return Claim(evidence, Money(150_000, "IDR"), attempt["id"], attempt["account_id"])


def test_what_is_paid_decides_the_account_each_time(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Paid on the older page, taken back, and then paid on the newest one: refunds and questions go to the last."""
    answer = failed_over(stack, monkeypatch, "stripe", "xendit")
    transaction_id = uuid.UUID(answer.body["id"])

    def tell(number: int, state: State, captured: int | None = None) -> str:
        def work(uow: Any) -> Weighed:
            transaction = tx.lock_transaction(uow, transaction_id)
            claim = claim_on(stack, number, state, captured)
            return apply_evidence(uow, transaction, claim, Proof("pull", None, None), stack.deps.parts.alerts).effect

        assert stack.deps.database.run(work) is Weighed.APPLIED
        [row] = stack.rows(
            "select t.provider, a.provider as at from transactions t join provider_accounts a on a.id = t.account_id"
        )
        assert row["provider"] == row["at"]
        return str(row["provider"])

    assert tell(1, State.PAID, 150_000) == "stripe"
    assert tell(1, State.FAILED) == "stripe"
    assert tell(2, State.PAID, 150_000) == "xendit"


def test_events_that_come_together_know_which_account_was_paid(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Money on the older page, and what follows it there, before anything of it is stored."""
    answer = failed_over(stack, monkeypatch, "stripe", "xendit")
    transaction = stack.deps.database.run(lambda uow: tx.read_transaction(uow, uuid.UUID(answer.body["id"])))
    assert transaction is not None
    proof, alerts = Proof("webhook", None, None), stack.deps.parts.alerts
    paid = weigh_evidence(transaction, claim_on(stack, 1, State.PAID, 150_000), proof, alerts)
    taken_back = weigh_evidence(paid.transaction, claim_on(stack, 1, State.FAILED), proof, alerts)
    assert (paid.effect, taken_back.effect) == (Weighed.APPLIED, Weighed.APPLIED)


def test_an_unknown_attempt_is_looked_for_where_it_was_made(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Though the money came by another account's page meanwhile, which had said that it made none."""
    in_order(stack, "stripe", "xendit")
    provider = stack.deps.providers["stripe"]
    create = provider.create_payment

    def lie(account: Any, request: Any) -> Payment:
        create(account, request)
        raise TOO_FAST

    with monkeypatch.context() as patch:
        patch.setattr(provider, "create_payment", lie)
        stack.fault("api_error_after", count=1, match="POST", provider="xendit")
        unknown = auto(stack)
    assert unknown.status == 202
    stack.pay(next(page["url"] for page in stack.ledger()["pages"] if page["provider"] == "stripe"))
    stack.settle()
    assert stack.reconcile()["failed"] == 0
    assert stack.resolve() == {"tried": 1, "failed": 0}
    transaction = stack.transaction(unknown.body["id"])
    assert (transaction["state"], transaction["provider"]) == ("paid", "stripe")
    assert tries(stack, unknown.body["id"]) == [("stripe", "not_sent", "http_429"), ("xendit", "pending", None)]
    assert stack.unresolved() == 0
