"""The webhook path against its goals: PayLink as shipped beside the honest minimum that stores a webhook at all."""
