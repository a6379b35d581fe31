"""The domain's own facts: money, the transaction state machine, errors. Standard library only, no I/O."""
