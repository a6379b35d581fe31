"""Where the parts are put together, once per process, each on first use: a function pays for its own path only."""

import atexit
import os
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from paylink.providers.port import Provider
from paylink.providers.registry import load_providers
from paylink.runtime import settings as settings_module
from paylink.runtime.logs import LoggedAlerts, log_failure
from paylink.runtime.settings import Settings
from paylink.services.ports import EventQueue, Parts
from paylink.store.accounts import Accounts
from paylink.store.database import Database
from paylink.store.queries import load_queries
from paylink.store.sealing import Sealer

if TYPE_CHECKING:
    from paylink.edge.api_keys import ApiKeys
    from paylink.edge.rate_limit import Buckets, PullBudget, RateLimiter
    from paylink.services.checkout import Checkout
    from paylink.services.credential_use import CredentialUse
    from paylink.services.intake import Intake
    from paylink.services.operations import Operations
    from paylink.services.processing import Processing
    from paylink.services.reconciliation import Reconciliation
    from paylink.services.refusals import Refusals
    from paylink.services.relay import Relay


T = TypeVar("T")


class _part(Generic[T]):
    """A property that is built once, on first use, even when several threads ask first."""

    _lock = threading.RLock()

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build = build
        self._name = build.__name__

    def __get__(self, instance: object, owner: type[Any]) -> T:
        with self._lock:
            # What is built lies in the instance under our own name, and from then on hides this property.
            if self._name not in instance.__dict__:
                instance.__dict__[self._name] = self._build(instance)
            built: T = instance.__dict__[self._name]
            return built


class Deps:
    """Everything a handler may need. Tests build their own from other settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @_part
    def parts(self) -> Parts:
        return Parts(self.database, self.accounts, self.providers, self.queue, self.pulls, LoggedAlerts(), log_failure)

    @_part
    def providers(self) -> Mapping[str, Provider]:
        return load_providers(self.settings.providers, self.settings.environ)

    @_part
    def database(self) -> Database:
        return Database(self.settings.database_url, load_queries(self.settings.sql_dir / "queries"))

    @_part
    def sealer(self) -> Sealer:
        return Sealer(self.settings.master_keys)

    @_part
    def accounts(self) -> Accounts:
        return Accounts(self.database, self.sealer)

    @_part
    def queue(self) -> EventQueue:
        from paylink.runtime.queues import BackgroundQueue, SqsQueue

        queue = SqsQueue(self.settings.webhook_queue_url, self.settings.dead_letter_queue_url)
        frozen_between_calls = "AWS_LAMBDA_RUNTIME_API" in os.environ
        return queue if frozen_between_calls else BackgroundQueue(queue)

    @_part
    def api_keys(self) -> "ApiKeys":
        from paylink.edge.api_keys import ApiKeys

        demo_keys = self.settings.environment != "production"
        return ApiKeys(self.database, self.settings.api_key_peppers, demo_keys=demo_keys)

    @_part
    def pulls(self) -> "PullBudget":
        from paylink.edge.rate_limit import PullBudget

        return PullBudget(self.buckets)

    @_part
    def buckets(self) -> "Buckets":
        from paylink.edge.rate_limit import Buckets

        return Buckets(self.settings.redis_url)

    @_part
    def rate_limiter(self) -> "RateLimiter":
        from paylink.edge.rate_limit import Limit, RateLimiter

        return RateLimiter(self.buckets, Limit(self.settings.rate_limit_per_s, self.settings.rate_limit_burst))

    @_part
    def checkout(self) -> "Checkout":
        from paylink.services.checkout import Checkout

        return Checkout(self.parts)

    @_part
    def intake(self) -> "Intake":
        from paylink.services.intake import Intake

        return Intake(self.parts, self.refusals)

    @_part
    def refusals(self) -> "Refusals":
        from paylink.services.refusals import Refusals

        refusals = Refusals(self.parts)
        atexit.register(refusals.close)
        return refusals

    @_part
    def processing(self) -> "Processing":
        from paylink.services.processing import Processing

        return Processing(self.parts)

    @_part
    def relay(self) -> "Relay":
        from paylink.services.relay import Relay

        return Relay(self.parts, raw_body_days=self.settings.raw_body_days)

    @_part
    def reconciliation(self) -> "Reconciliation":
        from paylink.services.reconciliation import Reconciliation

        return Reconciliation(self.parts)

    @_part
    def operations(self) -> "Operations":
        from paylink.services.operations import Operations

        return Operations(self.parts)

    @_part
    def credential_use(self) -> "CredentialUse":
        from paylink.services.credential_use import CredentialUse

        return CredentialUse(self.parts)


_lock = threading.Lock()


@lru_cache(maxsize=1)
def _build() -> Deps:
    return Deps(settings_module.from_process())


def deps() -> Deps:
    """
    Return this process' parts, built from its environment on the first call.

    Raises:
        InvalidSettings: The environment is not complete.
    """
    with _lock:
        return _build()
