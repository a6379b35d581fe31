"""PayLink as shipped, on one database of the stack: gateway and worker with everything on."""

import time
from typing import Any
from uuid import UUID

import psycopg2
import psycopg2.extras

from bench.common.rules import Void
from bench.common.stack import Stack
from paylink.store.ids import new_id
from paylink_local.services.stack import embedded_stack
from paylink_local.services.testing import free_port

PROVIDER = "stripe"
_ACCOUNT = """
select a.id, a.merchant_id, c.id as credential_id
  from provider_accounts a join account_credentials c on c.account_id = a.id
 where a.provider = %s and c.field = 'webhook_secret'
"""


class PayLink:
    """The gateway runs for the life of this; the worker when it is asked for. Only one worker may run in a stack."""

    def __init__(self, stack: Stack, name: str, database: str | None = None) -> None:
        """Use a new database of this name, or the one that `paylink up` uses: the sandbox calls that one's gateway."""
        self.name = name
        self.environ = dict(stack.environ)
        if database:
            self.environ |= {
                "PAYLINK_API_PORT": str(free_port()),
                "PAYLINK_DATABASE_URL": stack.create_database(database),
            }
        self.port = int(self.environ["PAYLINK_API_PORT"])
        self.database_url = self.environ["PAYLINK_DATABASE_URL"]
        self._stack = stack
        self.services = {service.name: service for service in embedded_stack(stack.home, self.environ, echo=False)}
        self.secret = self.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"]
        stack.start("migrate", self.services["migrate"])
        stack.start("seed", self.services["seed"])
        self.connect()
        account = self.row(_ACCOUNT, PROVIDER)
        self.account_id, self.merchant_id, self.credential_id = account.values()

    def connect(self, timeout_s: float = 0) -> None:
        """
        Connect for our own questions, again when Postgres was restarted.

        Raises:
            Void: It is not there in time.
        """
        give_up = time.monotonic() + timeout_s
        while True:
            try:
                self.connection = psycopg2.connect(self.database_url, cursor_factory=psycopg2.extras.RealDictCursor)
            except psycopg2.OperationalError as exc:
                if time.monotonic() > give_up:
                    raise Void(f"Postgres is away: {exc}") from exc
                time.sleep(0.1)
            else:
                self.connection.autocommit = True
                return

    @property
    def gateway(self) -> str:
        return f"gateway {self.name}"

    def start_gateway(self) -> None:
        self._stack.start(self.gateway, self.services["gateway"])

    def start_worker(self) -> None:
        self._stack.start("worker", self.services["worker"])

    def stop_worker(self) -> None:
        if self._stack.runs("worker"):
            self._stack.stop("worker")

    def row(self, sql: str, *parameters: Any) -> dict[str, Any]:
        """Return the one row of a query."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, [str(p) if isinstance(p, UUID) else p for p in parameters])
            found = cursor.fetchone()
            assert found is not None
            return dict(found)

    def run(self, sql: str, *parameters: Any) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)

    @staticmethod
    def mark() -> UUID:
        """Return an id: those that are made from now on are greater."""
        return new_id()
