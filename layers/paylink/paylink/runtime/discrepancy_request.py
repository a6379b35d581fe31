"""The query of GET /v1/discrepancies and the body of POST /v1/discrepancies/{id}/resolve, as the API documents them."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from paylink.runtime import transaction_query
from paylink.runtime.event_request import READERS, parse_page
from paylink.runtime.query import Reader
from paylink.runtime.run_query import FOUND
from paylink.runtime.strict_body import Described, StrictModel, printable
from paylink.services.discrepancies import NOTE, NOTE_MAX, is_note
from paylink.store.pages import Page

FILTERS: Mapping[str, Reader] = {
    **FOUND,
    "provider": transaction_query.READERS["provider"],
    "currency": transaction_query.READERS["currency"],
    "transaction_id": READERS["transaction_id"],
    "since": READERS["since"],
}


def _note(text: str) -> str:
    if not is_note(printable(text)):
        raise ValueError("say why nothing is left to do")
    return text


class ResolveRequest(StrictModel):
    """Why nothing is left to do about a discrepancy."""

    note: Annotated[str, Field(max_length=NOTE_MAX), AfterValidator(_note), Described(pattern=NOTE)]


def parse_discrepancy_list(given: Mapping[str, Any], merchant_id: UUID | None) -> Page:
    """
    Return which page is wanted, of a merchant's own discrepancies; `merchant_id` None is an operator: of all.

    Raises:
        InvalidFields: With one entry per wrong parameter.
    """
    page = parse_page(given, frozenset(FILTERS), FILTERS)
    return Page({**page.filters, "merchant_id": merchant_id}, page.cursor, page.limit)
