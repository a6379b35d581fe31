"""One folder per payment provider behind the `Provider` protocol. Nothing outside a folder knows its name."""
