"""How much PayLink needs for how much: measured service times, put into queueing formulas that a simulation checks."""
