"""Lambda glue: settings, wiring, Chalice apps, queues, batches, logging."""

import gc

# What is imported is no garbage, and a cold start makes up to 62,000 objects: to look for some after every 700 of them,
# the default, is a tenth of it.
gc.set_threshold(100_000, 20, 20)
