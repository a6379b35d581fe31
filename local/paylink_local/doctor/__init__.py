"""Examines an installation: what is wrong with it, and what mends that. Changes nothing, and tells no secret."""
