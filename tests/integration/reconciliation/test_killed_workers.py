"""SIGKILL of a run's workers: it goes on where it was saved, asks little again, and its report is the same."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

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


def test_killed_again_and_again_a_run_tells_the_same(truth: Truth, long: bool):
    chance = random.Random(9)
    stack = truth.stack
    with counted(stack.sandbox) as (address, asked):
        environ = stack.environ | {f"PAYLINK_{slug.upper()}_API_BASE": f"{address}/{slug}" for slug in SLUGS}

        sales = books()
        truth.seed(sales)
        truth.bring_lines()
        run_id = start(truth)
        Worker(environ).finish()
        undisturbed = told(truth, sales, run_id)
        assert undisturbed["found"].total() == len(truth.expected)
        at_once, in_all = max(asked.values()), sum(asked.values())

        for _ in range(10 if long else 1):
            truth.forget()
            asked.clear()
            sales = books()
            truth.seed(sales)
            truth.bring_lines()
            run_id = start(truth)
            kills = 0
            while stack.rows("select 1 from reconciliation_runs where state = 'running'"):
                before = Counter(asked)
                kills += Worker(environ).die_after(chance.uniform(0.05, 0.6))
                # Its questions of one life; a difference is asked about twice in any.
                assert max((asked - before).values(), default=0) <= at_once
                # As if the lease of who has died was over.
                stack.rows("update reconciliation_batches set locked_until = now() where state = 'due'")
                assert kills < 200
            assert kills >= 3
            assert told(truth, sales, run_id) == undisturbed
            assert sum(asked.values()) <= in_all + kills * AGAIN_MAX
