"""A slice of the fault matrix: the embedded stack under a little load loses a part, and nothing else."""

import pytest

from chaos.matrix import matrix
from chaos.trial import Effort, run

LITTLE = Effort(webhooks_per_s=20, purchases_per_s=0.5, before_s=1, after_s=3, outage_s=2)


@pytest.mark.parametrize("name", ["gateway-process-kill", "valkey-down"])
def test_nothing_is_lost_or_doubled(name: str):
    fault = next(fault for fault in matrix(LITTLE.outage_s) if fault.name == name)
    outcome = run(fault, LITTLE)
    assert outcome.broken == []
    assert outcome.audit.accepted > 60
    assert outcome.audit.applied > 60
