"""SIGKILL of a run's workers: it goes on where it was saved, asks little again, and its report is the same."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from paylink.core.money import Money
from paylink.core.reconciliation import RunOrder
from paylink.providers.registry import provider_slugs
from support.dying_workers import Worker, counted
from support.sales import Sale
from support.truth import Truth
from support.wrongs import OVERLAPS, WRONGS

SLUGS = tuple(provider_slugs())
AGAIN_MAX = 16 * 4
"""So many questions one death may cost: those of a step, each of which is up to four calls."""

MANY = 200


def books() -> list[Sale]:
    """Much that agrees, and everything that can be wrong."""
    cases = [(wrong.fates[0], (wrong,)) for wrong in WRONGS.values()]
    cases += [(fate, tuple(WRONGS[name] for name in names)) for fate, names in OVERLAPS]
    cases += [("paid", ()), ("paid", (WRONGS["lost_payment"],)), ("paid", (WRONGS["lost_refund"],))] * 4
    return [Sale(slug, Money(120_000 + 1_000 * n, "IDR"), *case) for slug in SLUGS for n, case in enumerate(cases)]


def start(truth: Truth) -> UUID:
    times = {"created_from": truth.began - timedelta(days=1), "created_to": truth.began + timedelta(days=365)}
    run_id: UUID = truth.stack.deps.reconciliation.start(RunOrder(None, "command", **times), wake=False)
    return run_id


def told(truth: Truth, sales: list[Sale], run_id: UUID) -> dict[str, Any]:
    """Return what the run reports, with each sale by its place."""
    report = truth.stack.run_report(run_id)
    places = {sale.transaction_id: place for place, sale in enumerate(sales)}
    found = Counter(
        (places.get(one.transaction_id), one.provider, one.kind, one.ours, one.theirs, one.state, one.resolution)  # type: ignore[arg-type]  # None has no place
        for one in truth.found()
    )
    names = ("state", "selected", "checked", "changed", "failed", "totals", "not_checked")
    sums = [{name: value for name, value in row.items() if name != "account"} for row in report["differences"]]
    return {name: report[name] for name in names} | {"found": found, "differences": sums}


def fetches(truth: Truth, asked: Counter[str]) -> Counter[str]:
    """
    Return how often each transaction was fetched, by its id. The calls of one fetch go to different addresses, which
    all name something of the transaction.
    """
    rows = truth.stack.rows("select value, transaction_id::text from provider_references")
    owners = {row["value"]: row["transaction_id"] for row in rows}
    most: Counter[str] = Counter()
    for address, times in asked.items():
        of = {owner for name, owner in owners.items() if name in address}
        assert len(of) <= 1, address
        most |= Counter(dict.fromkeys(of, times))
    return most


def is_running(truth: Truth) -> bool:
    return bool(truth.stack.rows("select 1 from reconciliation_runs where state = 'running'"))


def saved(truth: Truth) -> set[str]:
    """Return the transactions of which a worker of the running run has saved that it is done with them."""
    rows = truth.stack.rows("select unnest(transaction_ids[:position])::text as id from reconciliation_batches")
    return {row["id"] for row in rows}


@dataclass(frozen=True)
class Life:
    """Of one worker, by the name under which it asks: what was saved when it began, and when it had died."""

    name: str
    before: set[str]
    after: set[str]


@pytest.mark.first
def test_killed_again_and_again_a_run_tells_the_same(truth: Truth, long: bool):
    """
    Each death costs each transaction one more fetch at most, and none of what was saved before: after one death, each
    was fetched at most once more.
    """
    chance = random.Random(9)
    stack = truth.stack
    with counted(stack.sandbox) as (address, asked):

        def worker(name: str) -> Worker:
            return Worker(
                stack.environ | {f"PAYLINK_{slug.upper()}_API_BASE": f"{address}/{name}/{slug}" for slug in SLUGS}
            )

        sales = books()
        truth.seed(sales)
        truth.bring_lines()
        run_id = start(truth)
        worker("undisturbed").finish()
        undisturbed = told(truth, sales, run_id)
        assert undisturbed["found"].total() == len(truth.expected)
        at_once, in_all = fetches(truth, asked["undisturbed"]), asked["undisturbed"].total()
        own = [at_once[str(sale.transaction_id)] for sale in sales]
        assert [times > 0 for times in own] == [sale.is_ours for sale in sales]
        assert {times for sale, times in zip(sales, own, strict=True) if not sale.wrong} == {1}

        for round_, deaths_max in enumerate((1, MANY) * (10 if long else 1)):
            truth.forget()
            sales = books()
            truth.seed(sales)
            truth.bring_lines()
            run_id = start(truth)
            lives: list[Life] = []
            deaths, patience = 0, 1.0
            while is_running(truth):
                name, before = f"{round_}.{len(lives)}", saved(truth)
                if deaths < deaths_max:
                    deaths += worker(name).die_after(chance.uniform(0.05, 0.6) * patience)
                else:
                    worker(name).finish()
                lives.append(Life(name, before, saved(truth)))
                # A busy machine may need longer for a step than any of them has.
                patience *= 1.0 if lives[-1].after - before else 1.2
                # As if the lease of who has died was over.
                stack.rows("update reconciliation_batches set locked_until = now() where state = 'due'")
                assert deaths < MANY
            assert deaths == 1 if deaths_max == 1 else deaths >= 3
            assert told(truth, sales, run_id) == undisturbed
            once = {str(sale.transaction_id): times for sale, times in zip(sales, own, strict=True)}
            lost, fetched = Counter[str](), Counter[str]()
            for life in lives:
                of_life = fetches(truth, asked[life.name])
                assert not of_life.keys() & life.before
                assert all(times <= once[name] for name, times in of_life.items())
                fetched += of_life
                # All that it saved is forgotten with its run.
                if life is not lives[-1]:
                    lost.update(of_life.keys() - life.after)
            assert max(lost.values(), default=0) <= deaths
            assert all(times <= once[name] * (1 + lost[name]) for name, times in fetched.items())
            assert sum(asked[life.name].total() for life in lives) <= in_all + deaths * AGAIN_MAX
