"""PayLink's domain layer: payments through several providers behind one API."""
