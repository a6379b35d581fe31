"""The objects of a provider, kept as JSON documents in the order in which they were made."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from paylink_sandbox.store import Store

Document = dict[str, Any]

_FIELD = re.compile(r"[a-z_]+")


class Documents:
    """Documents of one provider. Fields given as `indexed` can be searched without reading every document."""

    def __init__(self, store: Store, provider: str, indexed: Iterable[str] = ()) -> None:
        self._store = store
        self._provider = provider
        for field in indexed:
            store.execute(f"CREATE INDEX IF NOT EXISTS documents_by_{field} ON documents ({_extract(field)}, kind)")

    def add(self, kind: str, document_id: str, created: int, body: Document) -> None:
        row = {"provider": self._provider, "kind": kind, "id": document_id, "created": created}
        self._store.insert("documents", row | {"body": json.dumps(body)})

    def replace(self, kind: str, document_id: str, body: Document) -> None:
        self._store.execute(
            "UPDATE documents SET body = ? WHERE provider = ? AND kind = ? AND id = ?",
            (json.dumps(body), self._provider, kind, document_id),
        )

    def get(self, kind: str, document_id: str) -> Document | None:
        row = self._store.row(
            "SELECT body FROM documents WHERE provider = ? AND kind = ? AND id = ?",
            (self._provider, kind, document_id),
        )
        return json.loads(row["body"]) if row else None

    def position(self, kind: str, document_id: str) -> int | None:
        """Place in the order of creation, for cursors."""
        row = self._store.row(
            "SELECT position FROM documents WHERE provider = ? AND kind = ? AND id = ?",
            (self._provider, kind, document_id),
        )
        return row["position"] if row else None

    def forget(self, kind: str, document_id: str) -> bool:
        """Return whether it was there."""
        values = (self._provider, kind, document_id)
        sql = "DELETE FROM documents WHERE provider = ? AND kind = ? AND id = ?"
        return self._store.execute(sql, values) > 0

    def forget_before(self, kind: str, created: float) -> None:
        self._store.execute(
            "DELETE FROM documents WHERE provider = ? AND kind = ? AND created < ?", (self._provider, kind, created)
        )

    def newest(
        self,
        kind: str,
        *,
        where: Mapping[str, str] | None = None,
        patterns: tuple[str, Sequence[str]] | None = None,
        ids: Sequence[str] | None = None,
        created: Mapping[str, int] | None = None,
        older_than: int | None = None,
        newer_than: int | None = None,
        limit: int,
    ) -> list[Document]:
        """
        Up to `limit` documents, newest first. With `newer_than`, those directly above that position.

        where: fields and the value each must have. patterns: a field and GLOB patterns of which one must match.
        ids: only these. created: bounds by SQL operator, e.g. `{">=": 1767225600}`.
        """
        conditions = ["provider = ?", "kind = ?"]
        values: list[object] = [self._provider, kind]
        for field, value in (where or {}).items():
            conditions.append(f"{_extract(field)} = ?")
            values.append(value)
        if patterns:
            field, globs = patterns
            conditions.append("(" + " OR ".join(f"{_extract(field)} GLOB ?" for _ in globs) + ")")
            values += globs
        if ids is not None:
            conditions.append("id IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(ids))
        for operator, bound in (created or {}).items():
            conditions.append(f"created {operator} ?")
            values.append(bound)
        if older_than is not None:
            conditions.append("position < ?")
            values.append(older_than)
        if newer_than is not None:
            conditions.append("position > ?")
            values.append(newer_than)
        order = "ASC" if newer_than is not None else "DESC"
        where_text = " AND ".join(conditions)
        # Fields are checked by _extract, operators are the callers' own; every value is a parameter.
        sql = f"SELECT body FROM documents WHERE {where_text} ORDER BY position {order} LIMIT ?"  # noqa: S608 (our names)
        found = self._store.rows(sql, (*values, limit))
        documents = [json.loads(row["body"]) for row in found]
        return documents[::-1] if newer_than is not None else documents


def _extract(field: str) -> str:
    # The name becomes part of the SQL text: an index on an expression is only used when the text is the same.
    if not _FIELD.fullmatch(field):
        raise ValueError(f"not a field name: {field!r}")
    return f"json_extract(body, '$.{field}')"
