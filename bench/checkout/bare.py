"""
The yardstick: the honest minimum that reading a transaction costs.

One select of its row by primary key with psycopg2, and the row as JSON. Each thread has a connection of its own. No
key, no limit, no attempts, history, refunds or events, no log.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg2
import psycopg2.extensions

_SELECT = "select * from transactions where id = %s"
_JSON = [("Content-Type", "application/json")]
_PREFIX = "/v1/tx/"

_thread = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer GET /v1/tx/{id}, and any other path with 200."""
    path = environ["PATH_INFO"]
    if not path.startswith(_PREFIX):
        start_response("200 OK", _JSON)
        return [b"{}"]
    with _connection().cursor() as cursor:
        cursor.execute(_SELECT, (path.removeprefix(_PREFIX),))
        row = cursor.fetchone()
        if row is None:
            start_response("404 Not Found", _JSON)
            return [b"{}"]
        names = [column.name for column in cursor.description or ()]
    start_response("200 OK", _JSON)
    return [json.dumps(dict(zip(names, row, strict=True)), default=str).encode()]


def _connection() -> psycopg2.extensions.connection:
    connection: psycopg2.extensions.connection | None = getattr(_thread, "connection", None)
    if connection is None:
        connection = _thread.connection = psycopg2.connect(os.environ["BARE_DATABASE_URL"])
        connection.autocommit = True
    return connection
