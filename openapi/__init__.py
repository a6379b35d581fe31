"""Writes docs/api.yaml, the OpenAPI document, from the routes, the request models and what is told of them here."""
