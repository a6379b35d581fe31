"""One step of a batch: what is on its way to the provider, what was learned, and the batch afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from paylink.core.discrepancies import Finding
from paylink.core.reconciliation import Repair
from paylink.providers.payments import Payment
from paylink.providers.port import ProviderError
from paylink.services.batch_outcome import with_findings
from paylink.services.comparison import Compared
from paylink.services.inquiry import Known
from paylink.services.questions import Questions
from paylink.store.reconciliation import Batch, Doubt
from paylink.store.transactions import Transaction

Totals = Mapping[str, Mapping[str, int]]
"""{currency: {n, ours, theirs}}, in the smallest unit."""


@dataclass
class Step:
    """What one step has learned of its transactions."""

    asked: list[UUID] = field(default_factory=list)
    quiet: list[Transaction] = field(default_factory=list)
    """Answered, and as they were: when to ask next is noted."""
    checked: list[UUID] = field(default_factory=list)
    """Weighed to the end: what was known of these and was not found again is gone."""
    limited: list[UUID] = field(default_factory=list)
    """Asked too soon: they are asked again."""
    unasked: list[UUID] = field(default_factory=list)
    """It was too late to ask."""
    failed: dict[UUID, ProviderError] = field(default_factory=dict)
    overdue: list[Transaction] = field(default_factory=list)
    """Of those that failed: their time was over long ago, and a person is told."""
    open: list[tuple[Finding, int]] = field(default_factory=list)
    """Each with the version of its transaction that it holds for."""
    totals: dict[str, dict[str, int]] = field(default_factory=dict)
    changed: int = 0
    broken: list[UUID] = field(default_factory=list)
    """Something of ours failed."""
    doubts: dict[UUID, Doubt] = field(default_factory=dict)
    """What their webhooks may be about to tell: they are asked about again, later."""

    @property
    def again(self) -> Sequence[UUID]:
        return (*self.limited, *self.unasked)

    def count(self, known: Known, compared: Compared) -> None:
        sums = self.totals.setdefault(known.transaction.amount.currency, {"n": 0, "ours": 0, "theirs": 0})
        for name, value in (("n", 1), ("ours", compared.ours), ("theirs", compared.theirs)):
            sums[name] += value

    def add(self, other: "Step") -> None:
        """Add what was learned of others of the same questions."""
        for name in ("quiet", "checked", "limited", "unasked", "overdue", "open", "broken"):
            getattr(self, name).extend(getattr(other, name))
        self.failed |= other.failed
        self.doubts |= other.doubts
        self.totals = summed(self.totals, other.totals)
        self.changed += other.changed


@dataclass(frozen=True)
class Learned:
    """
    What an answer means. `ended`: nobody can pay any more. `page_gone`: the provider's word for knowing no such page of
    one that has ended.
    """

    compared: Compared
    payments: list[Payment]
    ended: bool
    page_gone: str | None = None

    @property
    def is_news(self) -> bool:
        """Whether something is to be written, or asked again."""
        return not self.compared.quiet or bool(self.compared.repairable or self.compared.open)


@dataclass
class Asking:
    """Questions of one step that are on their way, and all end by `ends_at` (monotonic)."""

    questions: Questions[Known, Learned | Exception]
    begun: float
    ends_at: float
    asked: list[UUID] = field(default_factory=list)
    at_once: bool = True
    """There was a turn for each at once."""
    crowded: bool = False
    """There was none for some in time."""

    def following(self, batch: Batch) -> Sequence[UUID]:
        """Return what comes next of a batch but for these."""
        count = len(self.asked)
        if batch.next[:count] == tuple(self.asked):
            return batch.next[count:]
        asked = set(self.asked)
        return [i for i in batch.next if i not in asked]


class Unasked(Exception):
    """It was too late to begin a question, as its answer might not come in time."""


def after_step(batch: Batch, step: Step) -> Batch:
    """Return the batch once a step is done; those that are asked again come next, those in doubt at the end."""
    errors = [exc.code for exc in step.failed.values()]
    if batch.repair is Repair.DRY:
        batch = with_findings(batch, [finding for finding, _ in step.open])
    again = {*step.again, *step.doubts}
    done = [i for i in step.asked if i not in again]
    asked = {*done, *step.doubts}
    left = (*(i for i in batch.left if i not in asked), *step.doubts)
    if batch.left != (*done, *left):
        ids = (*batch.transaction_ids[: batch.position], *done, *left)
        batch = replace(batch, transaction_ids=ids, reordered=True)
    return replace(
        batch,
        position=batch.position + len(done),
        doubts={i: doubt for i, doubt in batch.doubts.items() if i not in asked} | step.doubts,
        changed=batch.changed + step.changed,
        failed=batch.failed + len(step.failed) + len(step.broken),
        stalls=0 if asked else batch.stalls + 1,
        totals=summed(batch.totals, step.totals),
        error=errors[-1] if errors else "internal" if step.broken else batch.error,
    )


def summed(some: Totals, others: Totals) -> dict[str, dict[str, int]]:
    totals = {currency: dict(sums) for currency, sums in some.items()}
    for currency, sums in others.items():
        held = totals.setdefault(currency, dict.fromkeys(sums, 0))
        for name, value in sums.items():
            held[name] += value
    return totals
