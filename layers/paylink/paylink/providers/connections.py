"""Connections to providers, which tell when a request begins to leave us."""

from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection

from paylink.providers.http import sent

_CONNECTIONS = 16


def new_pool() -> PoolManager:
    """Return a pool that sends each request once and follows no redirect."""
    pool = PoolManager(
        maxsize=_CONNECTIONS, retries=Retry(total=None, connect=0, read=0, redirect=0, status=0, other=0)
    )
    pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return pool


def _send_and_tell(connection: HTTPConnection, data: Any) -> None:
    """
    Send, and tell that the request begins to leave us: what failed before surely did nothing.

    By then the name is resolved, the connection is made and TLS is agreed.
    """
    if connection.sock is None:
        connection.connect()
    sent.set(True)
    HTTPConnection.send(connection, data)


class _HttpConnection(HTTPConnection):
    send = _send_and_tell


class _HttpsConnection(HTTPSConnection):
    send = _send_and_tell


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection
