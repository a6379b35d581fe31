"""What the two kinds of work in a reconciliation run share: how a batch ends, and what a dry run keeps."""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from paylink.core.discrepancies import Finding
from paylink.services.run_report import finding_body
from paylink.store.reconciliation import Batch

BATCH_STEP_S = 20.0
"""What is begun in time may take so much longer."""
LEASE_S = 60.0
DOUBT_S = 60.0
"""So long after a first question the second is asked about what a webhook may be about to tell."""
LIMITED_WAIT_S = 5.0
"""How long an account whose line is long is left alone."""
DRY_FINDINGS_MAX = 1000
"""Of a batch: two of each of its transactions."""


class Outcome(Enum):
    DONE = "done"
    IN_DOUBT = "in_doubt"
    """What is left is asked about a second time, later."""
    TIME = "time"
    """The time was over."""
    LIMITED = "limited"
    """Others ask this account's provider, too: it is left alone for a while."""
    SILENT = "silent"
    """The provider answers nothing: given up, for the next run."""
    CRASHED = "crashed"
    """Something of ours failed."""
    LOST = "lost"
    """Another works at it."""


def with_findings(batch: Batch, found: Sequence[Finding]) -> Batch:
    """Return a dry run's batch with what it has found, as far as that is kept."""
    kept = {(one["kind"], one["subject"], one["difference"]): one for one in batch.findings}
    for finding in found:
        body = finding_body(finding)
        kept.setdefault((body["kind"], body["subject"], body["difference"]), body)
    return replace(batch, findings=list(kept.values())[:DRY_FINDINGS_MAX])
