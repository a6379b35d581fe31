"""Routing rules: who may take an order, who takes it, and who stands in."""

import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.money import Money
from paylink.core.routing import Rule, Target, first_match, order_targets

A, B, C = (uuid.UUID(int=n) for n in (1, 2, 3))
RUPIAH = Money(150_000, "IDR")
NO_METHODS: frozenset[str] = frozenset()

targets_of_any_kind = st.lists(
    st.builds(Target, st.uuids(), st.integers(0, 1000)), max_size=6, unique_by=lambda target: target.account_id
)


def matches(rule: Rule, amount: Money = RUPIAH, *methods: str) -> bool:
    return rule.matches(amount, frozenset(methods))


def test_a_rule_without_conditions_takes_every_order():
    assert matches(Rule(()))
    assert matches(Rule(()), Money(1, "USD"), "card")


@pytest.mark.parametrize(("least", "most", "taken"), [(150_000, 150_000, True), (150_001, None, False), (1, 9, False)])
def test_the_bounds_of_an_amount_belong_to_the_rule(least: int, most: int | None, taken: bool):
    assert matches(Rule((), "IDR", least, most)) is taken


def test_an_order_of_another_currency_is_not_taken():
    assert not matches(Rule((), "IDR"), Money(150_000, "USD"))


@pytest.mark.parametrize(
    ("methods", "taken"), [(("card",), True), (("card", "qris"), True), (("card", "retail"), False), ((), False)]
)
def test_a_rule_for_methods_takes_orders_that_ask_for_these_alone(methods: tuple[str, ...], taken: bool):
    assert matches(Rule((), payment_methods=frozenset({"card", "qris"})), RUPIAH, *methods) is taken


def test_the_first_rule_that_matches_decides():
    rules = [Rule((), "USD"), Rule((), "IDR", amount_max=10), Rule((), "IDR"), Rule(())]
    assert first_match(rules, RUPIAH, NO_METHODS) == 2
    assert first_match(rules, Money(1, "JPY"), NO_METHODS) == 3
    assert first_match(rules[:2], RUPIAH, NO_METHODS) is None


def test_without_weights_accounts_come_as_they_are_listed():
    assert order_targets([Target(B, 0), Target(A, 0)], lambda _: True, uuid.uuid4()) == [B, A]


@given(targets_of_any_kind, st.uuids(), st.data())
def test_every_account_that_fits_comes_once_and_no_other(
    targets: list[Target], transaction_id: uuid.UUID, data: st.DataObject
):
    fitting = {t.account_id for t in targets if data.draw(st.booleans())}
    ordered = order_targets(targets, fitting.__contains__, transaction_id)
    assert sorted(ordered) == sorted(fitting)
    # Whoever was not chosen keeps the place that the merchant gave it.
    assert ordered[1:] == [t.account_id for t in targets if t.account_id in fitting and t.account_id != ordered[0]]


@given(targets_of_any_kind, st.uuids())
def test_the_same_transaction_always_goes_the_same_way(targets: list[Target], transaction_id: uuid.UUID):
    assert order_targets(targets, lambda _: True, transaction_id) == order_targets(
        list(targets), lambda _: True, uuid.UUID(str(transaction_id))
    )


@given(targets_of_any_kind, st.uuids())
def test_an_account_of_weight_0_comes_first_only_where_all_weigh_0(targets: list[Target], transaction_id: uuid.UUID):
    weights = {target.account_id: target.weight for target in targets}
    ordered = order_targets(targets, lambda _: True, transaction_id)
    assert not any(weights.values()) or weights[ordered[0]] > 0


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any), st.integers(0, 2**32))
def test_of_many_transactions_each_account_gets_its_share(weights: list[int], seed: int):
    """Ids that differ in a few bits only, as those of one millisecond do."""
    ids = [uuid.UUID(int=(seed << 64) + n) for n in range(2_000)]
    targets = [Target(uuid.UUID(int=n), weight) for n, weight in enumerate(weights)]
    first = Counter(order_targets(targets, lambda _: True, transaction_id)[0] for transaction_id in ids)
    for target in targets:
        # Six standard deviations of 2,000 throws are 0.067 at most.
        assert abs(first[target.account_id] / len(ids) - target.weight / sum(weights)) < 0.07


def test_the_share_of_an_account_that_does_not_fit_goes_to_the_others():
    targets = [Target(A, 50), Target(B, 50), Target(C, 0)]
    ids = [uuid.uuid4() for _ in range(200)]
    assert {order_targets(targets, {B, C}.__contains__, transaction_id)[0] for transaction_id in ids} == {B}
