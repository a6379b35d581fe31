"""A reconciliation run as its report shows it. Amounts are in the smallest unit of their currency."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from paylink.core.discrepancies import Finding
from paylink.services.discrepancies import discrepancy_body
from paylink.services.times import iso
from paylink.store.unit_of_work import Row


def run_summary(row: Row) -> dict[str, Any]:
    """Return a run as a list shows it: what it covers and how far it is."""
    return {
        "id": str(row["id"]),
        "state": row["state"],
        "started_by": row["started_by"],
        "provider": row["provider"],
        "account": row["account"],
        "created_from": iso(row["created_from"]),
        "created_to": iso(row["created_to"]),
        "repair": row["repair"],
        "selected": row["selected"],
        "checked": row["checked"],
        "changed": row["changed"],
        "failed": row["failed"],
        "started_at": iso(row["started_at"]),
        "finished_at": iso(row["finished_at"]),
    }


def run_report(
    row: Row, sums: Sequence[Row], found: Sequence[Row], after: UUID | None, dry: Sequence[Row]
) -> dict[str, Any]:
    """
    Return a run with its sums, what it did not check, and its discrepancies.

    `sums` are those of store.discrepancies.sum_discrepancies, `found` a page of its discrepancies, `after` where the
    next one begins, `dry` what a dry run has found.
    """
    return {
        **run_summary(row),
        "totals": row["totals"],
        "not_checked": row["not_checked"],
        "differences": [_sum_body(one) for one in sums],
        "discrepancies": [discrepancy_body(one) for one in found] or list(dry),
        "next_cursor": after and str(after),
    }


def finding_body(finding: Finding) -> dict[str, Any]:
    """Return what a dry run has found, which is stored nowhere else."""
    return {
        "kind": finding.kind.value,
        "subject": finding.subject,
        "transaction_id": finding.transaction_id and str(finding.transaction_id),
        "refund_id": finding.refund_id and str(finding.refund_id),
        "difference": finding.difference,
        "currency": finding.currency,
        "ours": finding.ours,
        "theirs": finding.theirs,
        "drift": finding.drift,
        "evidence": dict(finding.evidence),
    }


def _sum_body(row: Row) -> dict[str, Any]:
    names = ("provider", "account", "kind", "currency", "state", "discrepancies", "ours", "theirs", "drift")
    return {name: row[name] for name in names}
