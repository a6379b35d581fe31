"""Lambda glue: settings, wiring, Chalice apps, queues, batches, logging."""
