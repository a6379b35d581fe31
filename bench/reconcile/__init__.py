"""Measures reconciliation runs: `./scripts/bench reconcile`."""
