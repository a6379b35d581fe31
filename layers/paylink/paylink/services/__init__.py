"""Use cases. Each owns its transactions; none knows a provider by name, or how it was called."""
