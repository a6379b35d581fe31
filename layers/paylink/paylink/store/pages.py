"""Pages of what operators list: the newest first, each page after the id that ended the one before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from paylink.store.ids import GREATEST_ID
from paylink.store.unit_of_work import Row, UnitOfWork


@dataclass(frozen=True)
class Page:
    """Which rows are wanted: those that `filters` let through, at most `limit`, after the row `cursor`."""

    filters: Mapping[str, Any] = field(default_factory=dict)
    cursor: UUID | None = None
    limit: int = 50


def read_page(uow: UnitOfWork, query: str, names: tuple[str, ...], page: Page) -> tuple[list[Row], UUID | None]:
    """Return a page of a query whose filters have these names, and the cursor of the next page when there is one."""
    filters = {name: page.filters.get(name) for name in names}
    rows = uow.all(query, **filters, below=page.cursor or GREATEST_ID, limit=page.limit + 1)
    shown = rows[: page.limit]
    return shown, shown[-1]["id"] if len(rows) > len(shown) else None
