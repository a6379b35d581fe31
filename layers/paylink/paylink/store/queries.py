"""Named SQL from `sql/queries/*.sql`: `-- name --` on its own line begins a query."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_NAME = re.compile(r"^-- ([a-z][a-z0-9_]*) --$", re.MULTILINE)


def load_queries(directory: Path) -> Mapping[str, str]:
    """
    Read every query of a folder.

    Raises:
        ValueError: A name stands twice, or a file holds SQL before its first name, or there is no file.
    """
    queries: dict[str, str] = {}
    for file in sorted(directory.glob("*.sql")):
        before, *parts = _NAME.split(file.read_text(encoding="utf-8"))
        if before.strip():
            raise ValueError(f"{file.name}: SQL before the first -- name --")
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in queries:
                raise ValueError(f"{file.name}: the query {name} stands twice")
            queries[name] = text.strip()
    if not queries:
        raise ValueError(f"no queries in {directory}")
    return MappingProxyType(queries)
