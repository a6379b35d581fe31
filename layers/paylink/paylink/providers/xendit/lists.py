"""Xendit's lists, read to their end. Each of the three pages in a way of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from paylink.core.secret import Secret
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.providers.xendit.client import XenditClient

Row: TypeAlias = dict[str, Any]

_PAGES_MAX = 20
_INVOICES_A_PAGE = 10
_DISPUTES_A_PAGE = 100


def list_invoices(client: XenditClient, key: Secret, external_id: str) -> list[Row]:
    """
    Return the invoices of an external id: Xendit makes several for one, if asked several times.

    Raises:
        ProviderError: Also `too_many_pages`.
        TypeError, KeyError: The answer is not what Xendit sends.
    """

    def read(body: Any) -> tuple[list[Row], dict[str, str] | None]:
        rows = rows_of(body)
        return rows, {"last_invoice": rows[-1]["id"]} if len(rows) >= _INVOICES_A_PAGE else None

    query = {"external_id": external_id, "limit": str(_INVOICES_A_PAGE)}
    with never_gone():
        return _all(client, key, "/v2/invoices", query, read)


def list_refunds(client: XenditClient, key: Secret, invoice_id: str) -> list[Row]:
    """
    Return the refunds of an invoice, whatever came of them.

    Raises:
        ProviderError: Also `too_many_pages`.
        TypeError, LookupError: The answer is not what Xendit sends.
    """

    def read(body: Any) -> tuple[list[Row], dict[str, str] | None]:
        rows = rows_of(body["data"])
        return rows, {"after_id": rows[-1]["id"]} if flag_of(body["has_more"]) else None

    with never_gone():
        return _all(client, key, "/refunds", {"invoice_id": invoice_id}, read)


def list_disputes(client: XenditClient, key: Secret, payment_id: str) -> list[Row] | None:
    """
    Return the disputes of a payment; None when Xendit does not tell, which must not hold up what it tells of money.

    Raises:
        ProviderError: RATE_LIMITED: asked again later.
    """

    def read(body: Any) -> tuple[list[Row], dict[str, str] | None]:
        pages = body["pagination"]
        return rows_of(body["data"]), {"cursor": pages["next_cursor"]} if flag_of(pages["has_more"]) else None

    query = {"payment_id": payment_id, "limit": str(_DISPUTES_A_PAGE)}
    try:
        return _all(client, key, "/v1/disputes", query, read)
    except (TypeError, LookupError):
        return None
    except ProviderError as exc:
        if exc.kind is ErrorKind.RATE_LIMITED:
            raise
        return None


def _all(
    client: XenditClient,
    key: Secret,
    path: str,
    query: dict[str, str],
    read: Callable[[Any], tuple[list[Row], dict[str, str] | None]],
) -> list[Row]:
    """Ask until `read` finds no way on: it returns a page's rows, and what to ask with for the next page."""
    found: list[Row] = []
    for _ in range(_PAGES_MAX):
        rows, following = read(client.get(key, path, query))
        found += rows
        if following is None:
            return found
        query = query | following
    raise ProviderError(ErrorKind.UNAVAILABLE, "too_many_pages", effect=Effect.NOTHING)


@contextmanager
def never_gone() -> Iterator[None]:
    """A list that is not there is a failure of the call. As NOT_FOUND it would say that the payment is not there."""
    try:
        yield
    except ProviderError as exc:
        if exc.kind is not ErrorKind.NOT_FOUND:
            raise
        raise ProviderError(ErrorKind.UNAVAILABLE, exc.code, effect=exc.effect) from exc


def rows_of(value: Any) -> list[Row]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise TypeError("not a list of objects")
    return value


def flag_of(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not a flag")
    return value
