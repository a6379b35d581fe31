"""Keeps processes running, and ends every one of them with itself."""
