"""The fault matrix: what PayLink keeps of its promises while a part of it is broken. `./scripts/chaos` runs it."""
