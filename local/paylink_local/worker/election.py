"""Elects one of several processes, by a lock that Postgres holds for as long as a connection lives."""

import logging

import psycopg2

from paylink.core.redaction import message_of

_LOCK_KEY = 0x7061_796C_696E_6B01
"""Any number that nothing else in the database locks; this one reads "paylink" and a serial."""

_log = logging.getLogger("paylink_local.worker")


class Election:
    """
    A candidate. Needs a direct connection: behind a transaction pooler a session's lock means nothing.

    Not safe for several threads at once.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._connection: psycopg2.extensions.connection | None = None
        self._elected = False

    def confirm(self) -> bool:
        """
        Tell whether this process is the elected one, as of now: take the lock if it is free, see that it is still held.

        Never raises for a database that is away: nobody is elected then.
        """
        try:
            elected = self._ask()
        except psycopg2.Error as exc:
            _log.warning("cannot hold the lock of the schedules: %s", message_of(exc) or type(exc).__name__)
            self.resign()
            return False
        if elected and not self._elected:
            _log.info("this worker runs the schedules")
        self._elected = elected
        return elected

    def resign(self) -> None:
        """Give the lock up, by closing the connection that holds it."""
        if self._elected:
            _log.info("this worker no longer runs the schedules")
        self._elected = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self) -> bool:
        if self._connection is None:
            self._connection = psycopg2.connect(
                self._database_url,
                application_name="paylink schedules",
                connect_timeout=3,
                # So that a server that has vanished is noticed; the lock may be somebody else's by then.
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=2,
            )
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            if self._elected:
                cursor.execute("SELECT true")
            else:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK_KEY,))
            row = cursor.fetchone()
        return bool(row and row[0])
