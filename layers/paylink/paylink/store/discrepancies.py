"""Discrepancies as they are stored: each row and its history, always together."""

import json
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from paylink.core.discrepancies import Finding, FoundBy, Kind, Resolution
from paylink.store.arrays import integer_array, text_array, uuid_array
from paylink.store.ids import new_id
from paylink.store.pages import Page, read_page
from paylink.store.unit_of_work import Row, UnitOfWork

FILTERS = (
    "id", "merchant_id", "account_id", "transaction_id", "run_id", "provider", "kind", "state", "currency", "since",
)  # fmt: skip
"""By what a list can be narrowed; a run's are those that it found first, or was the last to find."""

_SUMMED_BY = ("merchant_id", "account_id", "run_id", "provider", "kind", "state")


class ReconciledAccount(Protocol):
    """The account that findings are about, such as `providers.port.Account`."""

    @property
    def id(self) -> UUID: ...

    @property
    def merchant_id(self) -> UUID: ...

    @property
    def provider(self) -> str: ...


def record_findings(
    uow: UnitOfWork, account: ReconciledAccount, run_id: UUID, findings: Sequence[Finding], *, repaired: bool = False
) -> int:
    """
    Store what a run has found; return how many are new or open again.

    One that is known by its fingerprint stays as it is while it is open, or once a person has accepted it; it is opened
    again when it was repaired or gone. What an answer shows again takes the evidence of the newest one. With `repaired`
    they are stored as resolved by the run.
    """
    if not findings:
        return 0
    found = list({finding.fingerprint: finding for finding in findings}.values())
    columns = _fingerprints(found)
    opened = uow.all(
        "open_discrepancies",
        ids=uuid_array(new_id() for _ in found),
        history_ids=uuid_array(new_id() for _ in found),
        transaction_ids=uuid_array(finding.transaction_id for finding in found),
        refund_ids=uuid_array(finding.refund_id for finding in found),
        merchant_id=account.merchant_id,
        account_id=account.id,
        provider=account.provider,
        run_id=run_id,
        repaired=repaired,
        **_shown_by(found),
        **columns,
    )
    new = {row["id"] for row in opened}
    if len(new) == len(found):
        return len(new)
    locked = uow.all("lock_known_discrepancies", account_id=account.id, **columns)
    known = [(row, found[row["place"] - 1]) for row in locked if row["id"] not in new]
    ids, shown = uuid_array(row["id"] for row, _ in known), _shown_by([finding for _, finding in known])
    uow.run("touch_discrepancies", ids=ids, run_id=run_id, **shown)
    back = [(row["id"], one) for row, one in known if row["resolution"] in (Resolution.REPAIRED, Resolution.GONE)]
    shown = _shown_by([finding for _, finding in back])
    _write(uow, "reopen_discrepancies", [i for i, _ in back], run_id=run_id, **shown)
    if repaired:
        ended = [row["id"] for row, _ in known if row["resolution"] != Resolution.ACCEPTED]
        resolve(uow, ended, Resolution.REPAIRED, run_id=run_id)
    return len(new) + len(back)


def resolve_gone(
    uow: UnitOfWork,
    run_id: UUID,
    account_id: UUID,
    subjects: Sequence[str],
    kinds: Sequence[Kind],
    *,
    found_by: FoundBy = FoundBy.STATUS,
) -> int:
    """
    Resolve open discrepancies that a run has looked for, by the same means as they were found, and not found again;
    return how many. Call it after `record_findings`.
    """
    gone = uow.all(
        "lock_gone_discrepancies",
        account_id=account_id,
        subjects=text_array(subjects),
        kinds=text_array(kinds),
        found_by=found_by,
        run_id=run_id,
    )
    resolve(uow, [row["id"] for row in gone], Resolution.GONE, run_id=run_id)
    return len(gone)


def resolve(
    uow: UnitOfWork,
    ids: Sequence[UUID],
    resolution: Resolution,
    *,
    run_id: UUID | None = None,
    made_by: str | None = None,
    note: str | None = None,
) -> None:
    """Resolve discrepancies, whose rows must be locked: by a run or by a person."""
    _write(uow, "resolve_discrepancies", ids, resolution=resolution, run_id=run_id, made_by=made_by, note=note)


def list_discrepancies(uow: UnitOfWork, page: Page) -> tuple[list[Row], UUID | None]:
    """Return a page, the newest first, and the cursor of the next one; `page.filters` are some of FILTERS."""
    return read_page(uow, "list_discrepancies", FILTERS, page)


def sum_discrepancies(uow: UnitOfWork, **filters: Any) -> list[Row]:
    """
    Return rows of provider, account_id, account, kind, currency, state with how many `discrepancies` there are and the
    sums of `ours`, `theirs` and `drift`. Narrowed by merchant_id, account_id, run_id, provider, kind or state.
    """
    if unknown := filters.keys() - set(_SUMMED_BY):
        raise TypeError(f"discrepancies are not summed by {', '.join(sorted(unknown))}")
    return uow.all("sum_discrepancies", **{name: filters.get(name) for name in _SUMMED_BY})


def read_open_discrepancies(uow: UnitOfWork) -> list[Row]:
    """Return rows of provider, account, kind, currency with how many are open, their drift and the oldest one's age."""
    return uow.all("read_open_discrepancies")


def _write(uow: UnitOfWork, query: str, ids: Sequence[UUID], **parameters: object) -> None:
    if ids:
        uow.run(query, ids=uuid_array(ids), history_ids=uuid_array(new_id() for _ in ids), **parameters)


def _shown_by(findings: Sequence[Finding]) -> dict[str, str]:
    return {
        "evidence": text_array(json.dumps(finding.evidence) for finding in findings),
        "line_ids": uuid_array(finding.line_id for finding in findings),
        "found_by": text_array(finding.found_by for finding in findings),
    }


def _fingerprints(findings: Sequence[Finding]) -> dict[str, str]:
    return {
        "kinds": text_array(finding.kind for finding in findings),
        "subjects": text_array(finding.subject for finding in findings),
        "differences": text_array(finding.difference for finding in findings),
        "currencies": text_array(finding.currency for finding in findings),
        "ours": integer_array(finding.ours for finding in findings),
        "theirs": integer_array(finding.theirs for finding in findings),
    }
