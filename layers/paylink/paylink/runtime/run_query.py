"""The queries of GET /v1/reconcile and GET /v1/reconcile/{id}, as the API documents them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from paylink.core.discrepancies import Kind
from paylink.runtime.event_request import one_of, parse_page
from paylink.runtime.query import Reader
from paylink.store.pages import Page

FOUND: Mapping[str, Reader] = {"kind": one_of(tuple(Kind)), "state": one_of(("open", "resolved"))}
"""By what a run's discrepancies can be narrowed."""


def parse_run_list(given: Mapping[str, Any]) -> Page:
    """
    Raises:
        InvalidFields: With one entry per wrong parameter.
    """
    return parse_page(given, frozenset())


def parse_run_page(run_id: UUID, given: Mapping[str, Any]) -> Page:
    """
    Return which page of a run's discrepancies is wanted.

    Raises:
        InvalidFields: With one entry per wrong parameter.
    """
    page = parse_page(given, frozenset(FOUND), FOUND)
    return Page({**page.filters, "run_id": run_id}, page.cursor, page.limit)
