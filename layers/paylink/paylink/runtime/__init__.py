"""Lambda glue: settings, wiring, Chalice apps, queues, batches, logging."""

import gc

# What is imported is no garbage: to look for some after every 700 objects, the default, is a tenth of a cold start.
gc.set_threshold(20_000, 20, 20)
