"""
The yardstick: the honest minimum that a webhook costs, and nothing else.

Verify with the standard library, parse the JSON, store the body once with a commit of its own, answer. Each thread has
a connection of its own. No groups, no queue, no log, no metrics, no accounts.
"""

import hmac
import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import psycopg2
import psycopg2.extensions

TABLE = """
create table bare_events (
    event_id text primary key, body text not null, received_at timestamptz not null default now()
)
"""

_SECRET = os.environ.get("BARE_SECRET", "").encode()
_WINDOW_S = 300
_INSERT = "insert into bare_events (event_id, body) values (%s, %s) on conflict do nothing"
_JSON = [("Content-Type", "application/json")]

_thread = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a webhook, and any GET with 200."""
    if environ["REQUEST_METHOD"] == "GET":
        start_response("200 OK", _JSON)
        return [b"{}"]
    raw = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    if not is_genuine(environ.get("HTTP_STRIPE_SIGNATURE", ""), raw):
        start_response("401 Unauthorized", _JSON)
        return [b"{}"]
    event_id = json.loads(raw)["id"]
    with _connection().cursor() as cursor:
        cursor.execute(_INSERT, (event_id, raw.decode()))
    start_response("200 OK", _JSON)
    return [b'{"received":true}']


def is_genuine(header: str, raw: bytes) -> bool:
    """Whether a header `t=...,v1=...` is of this body and of these minutes."""
    fields = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    stamp, given = fields.get("t", ""), fields.get("v1", "")
    expected = hmac.digest(_SECRET, f"{stamp}.".encode() + raw, "sha256").hex()
    return hmac.compare_digest(expected, given) and abs(time.time() - int(stamp)) <= _WINDOW_S


def _connection() -> psycopg2.extensions.connection:
    connection: psycopg2.extensions.connection | None = getattr(_thread, "connection", None)
    if connection is None:
        connection = _thread.connection = psycopg2.connect(os.environ["BARE_DATABASE_URL"])
        connection.autocommit = True
    return connection
