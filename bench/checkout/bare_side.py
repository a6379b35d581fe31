"""The yardstick, on the transactions that PayLink reads as well."""

from bench.common.stack import Stack
from paylink_local.services.testing import free_port

NAME = "bare"


class Bare:
    def __init__(self, stack: Stack, database_url: str) -> None:
        self.port = free_port()
        self._stack = stack
        self._environ = {"BARE_DATABASE_URL": database_url}

    def start(self, threads: int) -> None:
        service = self._stack.bare_service("bench.checkout.bare:application", self.port, threads, self._environ)
        self._stack.start(NAME, service)

    def stop(self) -> None:
        self._stack.stop(NAME)
