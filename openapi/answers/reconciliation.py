"""Reconciliation runs and what they found."""

from typing import Annotated, Any, Literal

from pydantic import Field

from openapi.answers.fields import Answer, Count, Currency, Id, Moment, NextId, ProviderName
from paylink.core.discrepancies import FoundBy, Kind, Resolution
from paylink.runtime.strict_body import Described

Figure = Annotated[int, Field(description="In the smallest unit of the currency; what went out is negative.")]
KindName = Annotated[str, Described(enum=[kind.value for kind in Kind])]


class RunSummary(Answer):
    """What a run covers, and how far it is."""

    id: Id
    state: Annotated[
        Literal["running", "finished", "partial"],
        Field(description="`partial`: `not_checked` tells what was not; the next run takes it up."),
    ]
    started_by: Annotated[str, Field(description="A key's prefix, `command` or `schedule`.")]
    provider: ProviderName | None
    account: str | None
    created_from: Moment | None
    created_to: Moment | None
    repair: Literal["all", "none", "dry"]
    selected: Annotated[int, Field(ge=0, description="Transactions to be asked about.")]
    checked: Annotated[int, Field(ge=0, description="Those that a provider has answered about.")]
    changed: Annotated[int, Field(ge=0, description="Those that an answer has changed.")]
    failed: Annotated[int, Field(ge=0, description="Those about which no answer came.")]
    started_at: Moment
    finished_at: Moment | None


class RunList(Answer):
    """A page of runs, the newest first."""

    runs: list[RunSummary]
    next_cursor: NextId


class RunTotal(Answer):
    """What was received and not given back, of the transactions checked at one provider in one currency."""

    provider: ProviderName
    currency: Currency
    checked: Count
    ours: Figure
    theirs: Figure
    drift: Annotated[int, Field(description="`theirs - ours`, before anything was repaired.")]


class NotChecked(Answer):
    """Transactions or settlement lines of one account about which nothing was learned, and why; or a whole run."""

    what: Annotated[
        Literal["status", "settlement", "run"],
        Field(
            description="Transactions, settlement lines, or all that the run was asked for: it could not be planned."
        ),
    ]
    provider: Annotated[ProviderName | None, Field(description="Of a whole run: what it was limited to.")]
    account: Annotated[str | None, Field(description="As `provider`.")]
    transactions: Count
    error: str | None


class DifferenceSum(Answer):
    """Discrepancies of one account, kind and currency that this run found."""

    provider: ProviderName
    account: str
    kind: KindName
    currency: Currency
    state: Literal["open", "resolved"]
    discrepancies: Count
    ours: Figure
    theirs: Figure
    drift: Figure


class Discrepancy(Answer):
    """A difference between what we hold and what the provider holds."""

    id: Id
    kind: KindName
    state: Literal["open", "resolved"]
    provider: ProviderName
    account: str
    subject: Annotated[str, Field(description="What it is about, such as `transaction:<id>`.")]
    transaction_id: Id | None
    refund_id: Id | None
    difference: Annotated[str, Field(description="Ours and theirs in short, such as `pending/paid`.")]
    currency: Currency
    ours: Figure
    theirs: Figure
    drift: Figure
    found_by: Annotated[str, Described(enum=[way.value for way in FoundBy])]
    run_id: Annotated[Id, Field(description="The run that found it first.")]
    last_run_id: Annotated[Id, Field(description="The last one that found it.")]
    opened_at: Moment
    resolution: Annotated[str, Described(enum=[way.value for way in Resolution])] | None
    resolved_by: str | None
    resolved_at: Moment | None
    note: str | None


class DiscrepancyStep(Answer):
    """One change of a discrepancy's state, by a run or a person."""

    at: Moment
    state: Literal["open", "resolved"]
    resolution: Annotated[str, Described(enum=[way.value for way in Resolution])] | None
    run_id: Id | None
    by: Annotated[str | None, Field(description="A key's prefix, or `command`.")]
    note: str | None


class DiscrepancyList(Answer):
    """A page of discrepancies, the newest first."""

    discrepancies: list[Discrepancy]
    next_cursor: NextId


class DiscrepancyDetails(Discrepancy):
    """A discrepancy with what both sides are, and what became of it."""

    evidence: Annotated[
        dict[str, Any],
        Field(description="Both sides, as `ours` and `theirs`; `after` is ours once it is repaired, where it can be."),
    ]
    history: Annotated[list[DiscrepancyStep], Field(description="The oldest first.")]


class DryFinding(Answer):
    """A difference that a dry run has found: it is kept with the run alone."""

    kind: KindName
    subject: str
    transaction_id: Id | None
    refund_id: Id | None
    difference: str
    currency: Currency
    ours: Figure
    theirs: Figure
    drift: Figure
    evidence: Annotated[dict[str, Any], Field(description="Both sides, as `ours` and `theirs`.")]


class Run(RunSummary):
    """A run with its report."""

    totals: Annotated[list[RunTotal], Field(description="Once it has ended.")]
    not_checked: Annotated[list[NotChecked], Field(description="Once it has ended.")]
    differences: list[DifferenceSum]
    discrepancies: Annotated[list[Discrepancy | DryFinding], Field(description="A page, the newest first.")]
    next_cursor: NextId
