"""
A run finds every difference that was made, invents none, and its drift is right to the smallest unit.

What is made wrong, and what must be told of it, is in support/wrongs.py.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paylink.core.money import Money
from paylink.providers.registry import provider_slugs
from support.beside import SharedClock, sandbox_beside
from support.sales import Sale, Wrong
from support.stack import Stack
from support.truth import FATES, Told, Truth
from support.wrongs import OVERLAPS, WRONGS

SLUGS = tuple(provider_slugs())
Case = tuple[str, tuple[Wrong, ...]]
ALONE: Sequence[Case] = [(wrong.fates[0], (wrong,)) for wrong in WRONGS.values()]
TOGETHER: Sequence[Case] = [(fate, tuple(WRONGS[name] for name in names)) for fate, names in OVERLAPS]
AGREEING: Sequence[Case] = [(fate, ()) for fate in FATES]
WRONG_OF_ALL = 0.15


@pytest.fixture
def sandbox_clock() -> SharedClock:
    return SharedClock()


@pytest.fixture
def serve_sandbox() -> Callable[..., AbstractContextManager[str]]:
    """Beside the worker: large books are asked about for minutes."""
    return sandbox_beside


def check(truth: Truth, report: Mapping[str, Any]) -> None:
    """What is stored is what was made wrong, and the report's sums are those of it."""
    wanted, found = Counter(truth.expected), truth.found()
    assert (wanted - found, found - wanted) == (Counter(), Counter()), "missed, and invented"
    assert (report["state"], report["failed"], report["not_checked"]) == ("finished", 0, [])
    drift: Counter[tuple[str, str]] = Counter()
    for told in truth.expected:
        drift[told.provider, told.currency] += told.theirs - told.ours
    assert _sums(report["differences"]) == _without_zeros(drift)
    assert _sums(report["totals"]) == _without_zeros(truth.status_drift)


def _sums(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    sums: Counter[tuple[str, str]] = Counter()
    for row in rows:
        assert row["drift"] == row["theirs"] - row["ours"]
        sums[row["provider"], row["currency"]] += row["drift"]
    return _without_zeros(sums)


def _without_zeros(sums: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {name: figure for name, figure in sums.items() if figure}


def adds_nothing(truth: Truth) -> None:
    """Once more over the same data: nothing is told anew, nothing is gone, nothing is left to repair."""
    found, steps = truth.found(), truth.stack.rows("select count(*) as n from discrepancy_history")
    truth.bring_lines()
    again = truth.reconcile()
    assert (again["state"], again["changed"]) == ("finished", 0)
    assert (truth.found() - found, found - truth.found()) == (Counter(), Counter()), "told anew, and gone"
    assert truth.stack.rows("select count(*) as n from discrepancy_history") == steps


@pytest.mark.parametrize("slug", SLUGS)
def test_whatever_is_wrong_is_told_once_alone_and_beside_others(truth: Truth, slug: str):
    cases = [*ALONE, *TOGETHER, *AGREEING]
    sales = [Sale(slug, Money(120_000 + 1_000 * n, "IDR"), *case) for n, case in enumerate(cases)]
    truth.seed(sales)
    truth.bring_lines()
    check(truth, truth.reconcile())
    adds_nothing(truth)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_run_that_repairs_nothing_tells_each_cause_once_too(truth: Truth, slug: str):
    """By the provider's answer or by a line, and never by both; and a dry one the same in its report alone."""
    cases = [*ALONE, *TOGETHER, *AGREEING]
    truth.seed([Sale(slug, Money(120_000 + 1_000 * n, "IDR"), *case) for n, case in enumerate(cases)])
    truth.bring_lines()
    wanted = Counter(map(_as_told, truth.expected))
    report = truth.reconcile("none")
    found = truth.found()
    assert ({told.state for told in found}, report["changed"]) == ({"open"}, 0)
    assert (wanted - Counter(map(_as_told, found)), Counter(map(_as_told, found)) - wanted) == (Counter(), Counter())
    truth.forget_runs()
    report = truth.reconcile("dry")
    dry = Counter(
        (slug, one["kind"], one["transaction_id"], one["currency"], one["ours"], one["theirs"])
        for one in report["discrepancies"]
    )
    assert (wanted - dry, dry - wanted) == (Counter(), Counter())
    assert truth.found() == Counter()


@pytest.mark.parametrize("slug", SLUGS)
def test_what_an_account_was_paid_of_which_nothing_is_held_is_told(truth: Truth, slug: str):
    """As when a database was restored from before its first transaction."""
    others = [Sale(other, Money(150_000, "IDR")) for other in SLUGS if other != slug]
    truth.seed([Sale(slug, Money(20_000, "IDR"), "paid", (WRONGS["unknown_here"],)), *others[:1]])
    truth.bring_lines()
    check(truth, truth.reconcile())
    adds_nothing(truth)


def test_of_many_transactions_exactly_what_is_wrong_is_found(truth: Truth, long: bool):
    """Over all providers and two currencies, beside payments of another system."""
    sales = some_sales(truth.stack, random.Random(20_000), 20_000 if long else 600)
    assert {wrong.name for sale in sales for wrong in sale.wrong} == set(WRONGS)
    truth.seed(sales)
    for slug in SLUGS:
        for _ in range(3):
            truth.stack.sandbox_call("POST", f"/_sandbox/{slug}/settlements", {"amount": 5_000_000, "currency": "IDR"})
    truth.bring_lines()
    report = truth.reconcile()
    assert report["checked"] == sum(sale.is_ours for sale in sales)
    check(truth, report)
    assert {told.kind for told in truth.expected} == {
        "missing_internal",
        "missing_at_provider",
        "amount_mismatch",
        "currency_mismatch",
        "status_mismatch",
        "fee_mismatch",
        "duplicate",
    }
    adds_nothing(truth)


def some_sales(stack: Stack, chance: random.Random, count: int) -> list[Sale]:
    """Each of what can be wrong at each provider once at least, the rest by chance."""
    known = {slug: stack.deps.providers[slug].capabilities.currencies for slug in SLUGS}
    currencies = {slug: [one for one in ("IDR", "USD") if one in known[slug]] for slug in SLUGS}
    cases: list[tuple[str, str, tuple[Wrong, ...]]] = [(slug, *case) for slug in SLUGS for case in (*ALONE, *TOGETHER)]
    while len(cases) < count:
        wrong = chance.random() < WRONG_OF_ALL
        # Most are plainly paid.
        plain: Case = ("paid", ()) if chance.random() < 0.8 else chance.choice(AGREEING)
        cases.append((chance.choice(SLUGS), *(chance.choice([*ALONE, *TOGETHER]) if wrong else plain)))
    return [
        Sale(slug, Money(1_000 * chance.randint(20, 500), chance.choice(currencies[slug])), fate, wrong)
        for slug, fate, wrong in cases
    ]


PAYMENT_LINE = tuple(name for name in WRONGS if name.startswith("line_"))
REFUND_LINE = tuple(name for name in WRONGS if name.startswith("refund_"))
BY_ANSWER = tuple(name for name in WRONGS if not WRONGS[name].by_line)
BESIDE: Mapping[str, Sequence[str]] = {
    "lost_payment": ("line_twice", "line_amount", "line_currency", "line_fee"),
    "lost_refund": PAYMENT_LINE,
    "lost_dispute": PAYMENT_LINE,
    "other_amount": ("line_fee",),
    "other_currency": ("line_fee",),
}
"""What can be wrong with the line of a payment of which something else is wrong, and shows beside it."""


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    slug, fate = draw(st.sampled_from(SLUGS)), draw(st.sampled_from(FATES))
    wrong: list[str] = []

    def maybe(names: Sequence[str]) -> None:
        if names and draw(st.booleans()):
            wrong.append(draw(st.sampled_from(names)))

    maybe([name for name in BY_ANSWER if fate in WRONGS[name].fates])
    maybe([name for name in (BESIDE.get(wrong[0], ()) if wrong else PAYMENT_LINE) if fate in WRONGS[name].fates])
    maybe([name for name in REFUND_LINE if fate in WRONGS[name].fates])
    return Sale(slug, Money(1_000 * draw(st.integers(20, 500)), "IDR"), fate, tuple(WRONGS[name] for name in wrong))


def test_whatever_is_wrong_together_is_found_and_what_can_be_repaired_is(truth: Truth, long: bool):
    """
    Small books, anything wrong with them. A run that repairs nothing finds all of it; the next one repairs what can be;
    a third finds nothing more to repair.
    """

    @settings(
        max_examples=150 if long else 6,
        deadline=None,
        derandomize=not long,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(sales(), min_size=1, max_size=12))
    def books(of: list[Sale]) -> None:
        truth.forget()
        truth.seed(of)
        truth.bring_lines()
        truth.reconcile("none")
        wanted, opened = (Counter(map(_as_told, told)) for told in (truth.expected, truth.found()))
        assert (wanted - opened, opened - wanted) == (Counter(), Counter())
        check(truth, truth.reconcile())
        adds_nothing(truth)

    books()


def _as_told(told: Told) -> tuple[Any, ...]:
    """Whatever became of it."""
    name = told.transaction_id and str(told.transaction_id)
    return (told.provider, told.kind, name, told.currency, told.ours, told.theirs)
