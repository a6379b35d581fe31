"""The merchant API against its goals: PayLink's own time, reading beside the least it can cost, and cold starts."""
