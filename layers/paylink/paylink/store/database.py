"""
Connections to Postgres, with a deadline on everything.

psycopg2 by itself waits for ever for a server that is stopped or cut off. Its wait callback lets us watch the socket
with a deadline instead, so that a caller learns in time that the database cannot answer.
"""

import logging
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import TypeVar
from uuid import UUID

import psycopg2
import psycopg2.extensions
import psycopg2.extras
from psycopg2 import errors

from paylink.core.errors import StorageUnavailable
from paylink.core.secret import Secret
from paylink.core.seldom import Seldom
from paylink.core.tracing import Span, current_span
from paylink.store.turns import Turns
from paylink.store.unit_of_work import Connection, UnitOfWork

DEADLINE_S = 5.0
_ROLLBACK_S = 1.0
_RETRIES = 3
_OPTIONS = (
    "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
    # Rows are found by indexes: a plan made while a table is empty reads it whole, however much it holds later.
    " -c enable_seqscan=off"
)

# What this connection prepared is not there, or does not fit the tables any more (a migration). Nothing was done yet.
_STALE = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement, errors.FeatureNotSupported)

T = TypeVar("T")
_log = logging.getLogger("paylink")


class DeadlineExceeded(psycopg2.OperationalError):
    """The server did not answer in time. Whether it did the work is not known."""


# Once more it would take as long.
_TOO_LONG = (DeadlineExceeded, errors.QueryCanceled)


class _Deadline(threading.local):
    """By when the calling thread's database work must be done (monotonic seconds); None: it may take its time."""

    at: float | None = None


_deadline = _Deadline()


def _wait(connection: psycopg2.extensions.connection) -> None:
    while True:
        state = connection.poll()
        if state == psycopg2.extensions.POLL_OK:
            return
        remaining_ms = None if _deadline.at is None else (_deadline.at - time.monotonic()) * 1000
        # Not select(), which cannot watch a descriptor above 1023.
        poll = select.poll()
        poll.register(connection, select.POLLIN if state == psycopg2.extensions.POLL_READ else select.POLLOUT)
        if (remaining_ms is not None and remaining_ms <= 0) or not poll.poll(remaining_ms):
            raise DeadlineExceeded("the database did not answer in time")


psycopg2.extensions.set_wait_callback(_wait)
# Its stubs leave this one function untyped.
psycopg2.extras.register_uuid()  # type: ignore[no-untyped-call]


_Pool = LifoQueue[Connection | None]


def _pool(size: int) -> _Pool:
    pool: _Pool = LifoQueue()
    for _ in range(size):
        pool.put(None)
    return pool


class Database:
    """
    A pool of connections and the way to run transactions. Safe to share between threads.

    At most `size` transactions run at once; a further one waits for its turn within its deadline. Without `reserve`
    there is no connection for intake alone: where nothing runs at the same time it would be one more to make.
    """

    def __init__(self, url: Secret, queries: Mapping[str, str], *, size: int = 8, reserve: bool = True) -> None:
        self._url = url
        self._queries = queries
        self._idle = _pool(size)
        self._reserved = _pool(1) if reserve else self._idle
        self._lists = Turns(max(1, size // 2), max(1, size // 4))
        self._silences = Seldom()

    def read_list(self, work: Callable[[UnitOfWork], T], *, owner: UUID | None) -> T:
        """
        Run `work`, which only reads, and may read much. All such work has half of the connections at most, that of one
        `owner` (None: operators) a quarter.

        Raises:
            RateLimited: The owner reads too many lists at once.
            Overloaded: Others do.
            StorageUnavailable: See `run`.
        """
        with self._lists.take(owner):
            return self.run(work, one_statement=True)

    def run(
        self,
        work: Callable[[UnitOfWork], T],
        *,
        deadline_s: float = DEADLINE_S,
        one_statement: bool = False,
        reserved: bool = False,
    ) -> T:
        """
        Run `work` in one transaction, commit, and return its result.

        `work` is called again after a deadlock, a serialization failure, or on a connection that had died idle or knew
        other tables: it must have no effect but through its unit of work. With `one_statement` it writes with no more
        than one, which commits itself: two round trips less. That one may have been committed when it runs again: it
        must bear that.
        `reserved` is for intake alone: a connection beside the pool, so that nothing slow keeps providers waiting.

        Raises:
            StorageUnavailable: The database cannot be reached or does not answer by the deadline.
        """
        deadline, parent = time.monotonic() + deadline_s, current_span()
        if parent is None:
            return self._run(work, deadline, one_statement, reserved, None)
        # With the wait for a connection, which has no span of its own.
        with parent.child("unit of work") as span:
            return self._run(work, deadline, one_statement, reserved, span)

    def _run(
        self, work: Callable[[UnitOfWork], T], deadline: float, one_statement: bool, reserved: bool, span: Span | None
    ) -> T:
        for attempt in range(_RETRIES + 1):
            try:
                pool = self._reserved if reserved else self._idle
                with self._connection(pool, deadline) as (connection, reused):
                    try:
                        connection.autocommit = one_statement
                        unit = UnitOfWork(connection, self._queries) if span is None else self._traced(connection, span)
                        result = work(unit)
                    except _STALE as exc:
                        connection.close()
                        if reused and attempt < _RETRIES:
                            raise _Again from exc
                        raise
                    except (psycopg2.OperationalError, psycopg2.InterfaceError) as exc:
                        # Nothing was committed yet, or can be again: a connection that died while idle is replaced.
                        if reused and not isinstance(exc, _TOO_LONG) and attempt < _RETRIES:
                            raise _Again from exc
                        raise
                    unit.commit()
                    return result
            except _Again:
                continue
            except (errors.DeadlockDetected, errors.SerializationFailure):
                if attempt == _RETRIES:
                    raise
            except (psycopg2.OperationalError, psycopg2.InterfaceError, errors.ReadOnlySqlTransaction) as exc:
                self._tell_silence(exc)
                raise StorageUnavailable(retry_after_s=2) from exc
        raise StorageUnavailable(retry_after_s=2)

    def _traced(self, connection: Connection, span: Span) -> UnitOfWork:
        from paylink.store.traced import TracedUnitOfWork

        return TracedUnitOfWork(connection, self._queries, span)

    def _tell_silence(self, exc: Exception) -> None:
        held_back = self._silences.take()
        if held_back is not None:
            from paylink.core.redaction import message_of

            facts = {"error": message_of(exc), "error_name": type(exc).__name__, "held_back": held_back}
            _log.warning("the database gives no answer", extra=facts)

    @contextmanager
    def _connection(self, pool: _Pool, deadline: float) -> Iterator[tuple[Connection, bool]]:
        """Lend a connection; roll back on any exception, and drop it unless it is usable afterwards."""
        try:
            connection = pool.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty as exc:
            raise DeadlineExceeded("no connection became free in time") from exc
        reused = connection is not None
        keep: Connection | None = None
        outer = _deadline.at
        try:
            _deadline.at = deadline
            if connection is None or connection.closed:
                connection = self._connect()
            yield connection, reused
            keep = connection
        except (errors.ReadOnlySqlTransaction, DeadlineExceeded):
            # No more waiting, or not the primary any more: the server ends the transaction with the closed socket.
            if connection is not None:
                connection.close()
            raise
        except BaseException:
            keep = self._rolled_back(connection)
            raise
        finally:
            _deadline.at = outer
            pool.put(keep)

    @staticmethod
    def _rolled_back(connection: Connection | None) -> Connection | None:
        if connection is None or connection.closed:
            return None
        try:
            _deadline.at = time.monotonic() + _ROLLBACK_S
            connection.rollback()
        except (psycopg2.Error, OSError):
            connection.close()
            return None
        return connection

    def _connect(self) -> Connection:
        return psycopg2.connect(
            self._url.reveal(),
            connection_factory=Connection,
            options=_OPTIONS,
            application_name="paylink",
        )

    def close(self) -> None:
        """Close the idle connections."""
        for pool in {self._idle, self._reserved}:
            idle = [pool.get() for _ in range(pool.qsize())]
            for connection in idle:
                if connection is not None:
                    connection.close()
                pool.put(None)


class _Again(Exception):
    """Run the work once more on another connection."""
