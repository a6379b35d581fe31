"""The transaction state machine: what each piece of evidence does."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.states import (
    ENDED_UNPAID,
    HAS_MONEY,
    OPEN,
    RANK,
    Decision,
    Dispute,
    Evidence,
    Snapshot,
    Source,
    State,
    Totals,
    Verdict,
    decide,
    settled_state,
)

AMOUNT = 150_000
BASE_STATES = [State.PENDING, State.AUTHORIZED, State.PAID, State.FAILED, State.EXPIRED, State.CANCELLED]


def snapshot(state: State, totals: Totals | None = None) -> Snapshot:
    if totals is None:
        totals = {
            State.PAID: Totals(AMOUNT),
            State.PARTIALLY_REFUNDED: Totals(AMOUNT, 50_000),
            State.REFUNDED: Totals(AMOUNT, AMOUNT),
            State.DISPUTED: Totals(AMOUNT, 0, Dispute.OPEN),
        }.get(state, Totals())
    return Snapshot(state, AMOUNT, totals)


def pulled(state: State, captured: int = AMOUNT, refunded: int = 0, dispute: Dispute | None = None) -> Evidence:
    """The provider's whole answer."""
    if state not in HAS_MONEY:
        return Evidence(state, Source.PULL)
    return Evidence(state, Source.PULL, captured, refunded, dispute, no_dispute=dispute is None)


def told_paid() -> Evidence:
    return Evidence(State.PAID, Source.WEBHOOK, captured=AMOUNT)


def after(before: Snapshot, decision: Decision) -> Snapshot:
    if decision.verdict is not Verdict.APPLY:
        return before
    return Snapshot(decision.steps[-1] if decision.steps else before.state, before.amount, decision.totals)


def test_a_signed_payment_makes_a_pending_transaction_paid():
    assert decide(snapshot(State.PENDING), told_paid()) == Decision(
        Verdict.APPLY, steps=(State.PAID,), totals=Totals(captured=AMOUNT)
    )


def test_the_same_payment_again_changes_nothing():
    assert decide(snapshot(State.PAID), told_paid()).verdict is Verdict.IGNORE


@pytest.mark.parametrize("state", list(State))
def test_a_late_pending_never_undoes_anything(state: State):
    assert decide(snapshot(state), Evidence(State.PENDING, Source.WEBHOOK)).verdict is Verdict.IGNORE


@pytest.mark.parametrize("state", sorted(ENDED_UNPAID))
def test_money_on_an_ended_transaction_is_believed_only_after_asking_and_raises_an_alert(state: State):
    assert decide(snapshot(state), told_paid()).verdict is Verdict.PULL
    decision = decide(snapshot(state), pulled(State.PAID))
    assert (decision.verdict, decision.steps) == (Verdict.APPLY, (State.PAID,))
    assert decision.alert == f"paid_after_{state}"


def test_a_refund_seen_before_the_payment_writes_the_payment_as_implied():
    decision = decide(snapshot(State.PENDING), pulled(State.PAID, refunded=AMOUNT))
    assert decision.steps == (State.PAID, State.REFUNDED)


def test_a_dispute_won_restores_the_state_recomputed_from_refunds():
    disputed = snapshot(State.DISPUTED, Totals(AMOUNT, 50_000, Dispute.OPEN))
    decision = decide(disputed, pulled(State.PAID, refunded=50_000))
    assert decision.steps == (State.PARTIALLY_REFUNDED,)


def test_a_failed_refund_lowers_only_by_a_pull():
    refunded = snapshot(State.REFUNDED)
    lowered = Evidence(State.PAID, Source.WEBHOOK, captured=AMOUNT, refunded=0)
    assert decide(refunded, lowered).verdict is Verdict.PULL
    assert decide(refunded, pulled(State.PAID)).steps == (State.PAID,)


@pytest.mark.parametrize(("target", "alert"), [(State.FAILED, "payment_reversed"), (State.CANCELLED, "payment_voided")])
def test_money_that_the_provider_took_back_ends_the_transaction_with_an_alert(target: State, alert: str):
    """A bank took it back, or a capture was voided before it settled: believed when we asked, never from a webhook."""
    decision = decide(snapshot(State.PAID), pulled(target))
    assert (decision.steps, decision.totals, decision.alert) == ((target,), Totals(), alert)
    assert decide(snapshot(State.PAID), Evidence(target, Source.WEBHOOK)).verdict is Verdict.PULL


def test_more_refunded_than_captured_is_recorded_with_an_alert():
    decision = decide(snapshot(State.PAID), pulled(State.PAID, refunded=AMOUNT + 1))
    assert decision.steps == (State.REFUNDED,)
    assert decision.alert == "refunded_more_than_captured"


def test_more_refunds_of_a_partly_refunded_transaction_change_only_totals():
    decision = decide(snapshot(State.PARTIALLY_REFUNDED), pulled(State.PAID, refunded=60_000))
    assert (decision.verdict, decision.steps, decision.totals.refunded) == (Verdict.APPLY, (), 60_000)


evidence = st.builds(
    Evidence,
    state=st.sampled_from(BASE_STATES),
    source=st.sampled_from(Source),
    captured=st.sampled_from([None, AMOUNT]),
    refunded=st.sampled_from([None, 0, 50_000, AMOUNT]),
    dispute=st.sampled_from([None, *Dispute]),
    no_dispute=st.just(False),
)
snapshots = st.sampled_from(list(State)).map(snapshot)


@given(snapshots, evidence)
def test_what_is_applied_is_consistent(before: Snapshot, told: Evidence):
    """Captured money and a money state go together, and so do totals and the state that follows from them."""
    decision = decide(before, told)
    end = after(before, decision)
    assert (end.totals.captured > 0) == (end.state in HAS_MONEY)
    if decision.verdict is Verdict.APPLY:
        assert end != before
        if end.state in HAS_MONEY:
            assert end.state is settled_state(end.totals)


@given(snapshots, evidence)
def test_a_webhook_alone_only_raises_open_transactions(before: Snapshot, told: Evidence):
    if told.source is Source.WEBHOOK and decide(before, told).verdict is Verdict.APPLY:
        assert before.state in OPEN
        assert RANK[after(before, decide(before, told)).state] > RANK[before.state]


@given(snapshots, evidence)
def test_the_same_evidence_twice_is_the_same_as_once(before: Snapshot, told: Evidence):
    once = after(before, decide(before, told))
    assert after(once, decide(once, told)) == once


@pytest.mark.parametrize(
    ("truth", "claims"),
    [
        (pulled(State.PAID), [State.PENDING, State.AUTHORIZED, State.PAID]),
        (pulled(State.PAID), [State.PENDING, State.FAILED, State.PAID]),
        (pulled(State.PAID), [State.EXPIRED, State.PAID]),
        (pulled(State.EXPIRED), [State.PENDING, State.EXPIRED]),
        (pulled(State.PAID, refunded=50_000), [State.PENDING, State.PAID, State.PAID]),
        (pulled(State.PAID, dispute=Dispute.LOST), [State.PAID, State.PAID]),
    ],
)
def test_any_order_of_webhooks_ends_where_the_provider_stands(truth: Evidence, claims: list[State]):
    """With pulls answered by one truth, and a last pull for what only hints at it, every order ends the same."""
    ends = set()
    for order in itertools.permutations(claims):
        now = snapshot(State.PENDING)
        for state in order:
            told = Evidence(state, Source.WEBHOOK, captured=AMOUNT if state is State.PAID else None)
            decision = decide(now, told)
            if decision.verdict is Verdict.PULL:
                decision = decide(now, truth)
            now = after(now, decision)
        now = after(now, decide(now, truth))
        ends.add((now.state, now.totals))
    assert len(ends) == 1
