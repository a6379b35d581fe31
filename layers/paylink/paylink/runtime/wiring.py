"""Where the parts are put together, once per process, each on first use: a function pays for its own path only."""

import atexit
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from paylink.providers.measured import MeasuredProviders
from paylink.providers.port import Provider
from paylink.providers.registry import enabled_providers, enabled_signatures
from paylink.runtime import settings as settings_module
from paylink.runtime.logs import LoggedAlerts, log_failure
from paylink.runtime.process_metrics import frozen_between_calls, process_metrics
from paylink.runtime.settings import Settings
from paylink.services.ports import EventQueue, Parts
from paylink.store.accounts import Accounts
from paylink.store.database import Database
from paylink.store.queries import load_queries
from paylink.store.sealing import Sealer

if TYPE_CHECKING:
    from paylink.edge.answers import RememberedAnswers
    from paylink.edge.api_keys import ApiKeys, Caller
    from paylink.edge.breakers import Breakers
    from paylink.edge.door import Door
    from paylink.edge.key_use import KeyUse
    from paylink.edge.rate_limit import Buckets, Counted, PullBudget
    from paylink.edge.shared_redis import SharedRedis
    from paylink.runtime.queue_depths import QueueDepths
    from paylink.services.cancellation import Cancellation
    from paylink.services.capturing import Capturing
    from paylink.services.checkout import Checkout
    from paylink.services.credential_use import CredentialUse
    from paylink.services.discrepancies import Discrepancies
    from paylink.services.groups import Groups
    from paylink.services.health import Health
    from paylink.services.intake import Intake
    from paylink.services.keys import Keys
    from paylink.services.merchants import Merchants
    from paylink.services.operations import Operations
    from paylink.services.processing import Processing
    from paylink.services.provider_accounts import ProviderAccounts
    from paylink.services.reading import TransactionReader
    from paylink.services.reconciliation import Reconciliation
    from paylink.services.refunds import Refunds
    from paylink.services.refusals import Refusals
    from paylink.services.relay import Relay
    from paylink.services.resolution import Resolution
    from paylink.services.routing import RoutingChanges
    from paylink.services.settlements import Settlements
    from paylink.store.unit_of_work import UnitOfWork


T = TypeVar("T")

_COUNTED_TOGETHER_MAX = 64
_CHECK_S = 2.0


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


class _LatePulls:
    """The budget of questions to providers, built once there is a question."""

    def __init__(self, deps: "Deps") -> None:
        self._deps = deps

    def wait_s(self, account_id: UUID, per_s: float) -> float:
        return self._deps.pulls.wait_s(account_id, per_s)

    def take(self, account_id: UUID, per_s: float, count: int) -> int:
        return self._deps.pulls.take(account_id, per_s, count)


class Deps:
    """Everything a handler may need. Tests build their own from other settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @_part
    def parts(self) -> Parts:
        return Parts(
            self.database,
            self.accounts,
            MeasuredProviders(self.providers, process_metrics()),
            enabled_signatures(self.settings.providers),
            self.queue,
            _LatePulls(self),
            LoggedAlerts(),
            log_failure,
            metrics=process_metrics(),
        )

    @_part
    def providers(self) -> Mapping[str, Provider]:
        return enabled_providers(self.settings.providers, self.settings.environ)

    @_part
    def database(self) -> Database:
        queries = load_queries(self.settings.sql_dir / "queries")
        return Database(self.settings.database_url, queries, reserve=not frozen_between_calls())

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
        return queue if frozen_between_calls() else BackgroundQueue(queue)

    @_part
    def queue_depths(self) -> "QueueDepths":
        from paylink.runtime.queue_depths import QueueDepths

        settings = self.settings
        urls = (settings.webhook_queue_url, settings.dead_letter_queue_url, settings.reconciliation_queue_url)
        return QueueDepths(urls)

    @_part
    def health(self) -> "Health":
        from paylink.runtime.queues import SqsQueue
        from paylink.services.health import Dependency, Health

        queue = SqsQueue(self.settings.webhook_queue_url, self.settings.dead_letter_queue_url)
        return Health(
            Dependency("database", lambda: self.database.run(_check, deadline_s=_CHECK_S, one_statement=True)),
            (Dependency("redis", lambda: self.shared_redis.link.run("PING")), Dependency("queue", queue.check)),
        )

    @_part
    def api_keys(self) -> "ApiKeys":
        from paylink.edge.api_keys import ApiKeys

        settings = self.settings
        return ApiKeys(self.database, settings.api_key_peppers, self.key_use, demo_keys=settings.demo_keys)

    @_part
    def key_use(self) -> "KeyUse":
        from paylink.edge.key_use import KeyUse

        pepper_id = self.settings.api_key_peppers.active
        key_use = KeyUse(self.database, pepper_id, by_caller=frozen_between_calls())
        atexit.register(key_use.close)
        return key_use

    @_part
    def pulls(self) -> "PullBudget":
        from paylink.edge.rate_limit import PullBudget

        return PullBudget(self.buckets)

    @_part
    def buckets(self) -> "Buckets":
        from paylink.edge.rate_limit import Buckets

        return Buckets(self.shared_redis)

    @_part
    def shared_redis(self) -> "SharedRedis":
        from paylink.edge.shared_redis import SharedRedis

        return SharedRedis(self.settings.redis_url)

    @_part
    def door(self) -> "Door":
        from paylink.edge.door import Door
        from paylink.edge.rate_limit import RateLimiter

        settings = self.settings
        limiter = RateLimiter(self.buckets, settings.key_limit, settings.merchant_limit)
        return Door(self.api_keys, self.buckets, limiter, settings.bad_key_limit, settings.remember_keys_s)

    @_part
    def counting(self) -> "Groups[Caller, Counted]":
        """Counts together the requests that come at the same time."""
        from paylink.services.groups import Groups

        door = self.door
        return Groups(
            "counting",
            lambda callers, within_s: door.count(callers),
            size_max=_COUNTED_TOGETHER_MAX,
            by_caller=frozen_between_calls(),
        )

    @_part
    def checkout(self) -> "Checkout":
        from paylink.services.checkout import Checkout

        return Checkout(self.parts, self.breakers, self.answers)

    @_part
    def breakers(self) -> "Breakers":
        from paylink.edge.breakers import Breakers

        return Breakers(self.shared_redis)

    @_part
    def answers(self) -> "RememberedAnswers":
        from paylink.edge.answers import RememberedAnswers

        return RememberedAnswers(self.shared_redis)

    @_part
    def transaction_reader(self) -> "TransactionReader":
        from paylink.services.reading import TransactionReader

        return TransactionReader(self.database, by_caller=frozen_between_calls())

    @_part
    def routing(self) -> "RoutingChanges":
        from paylink.services.routing import RoutingChanges

        return RoutingChanges(self.parts, self.breakers)

    @_part
    def refunds(self) -> "Refunds":
        from paylink.services.refunds import Refunds

        return Refunds(self.parts)

    @_part
    def cancellation(self) -> "Cancellation":
        from paylink.services.cancellation import Cancellation

        return Cancellation(self.parts)

    @_part
    def capturing(self) -> "Capturing":
        from paylink.services.capturing import Capturing

        return Capturing(self.parts)

    @_part
    def resolution(self) -> "Resolution":
        from paylink.services.resolution import Resolution

        return Resolution(self.parts)

    @_part
    def intake(self) -> "Intake":
        from paylink.services.intake import Intake

        return Intake(self.parts, self.refusals, by_caller=frozen_between_calls())

    @_part
    def refusals(self) -> "Refusals":
        from paylink.services.refusals import Refusals

        refusals = Refusals(self.parts, counted_by_caller=frozen_between_calls())
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
        from paylink.runtime.run_queue import SqsRunQueue
        from paylink.services.reconciliation import Reconciliation
        from paylink.services.settlements import RegisteredReaders

        settings = self.settings
        readers = RegisteredReaders(settings.providers, settings.environ, process_metrics())
        return Reconciliation(self.parts, SqsRunQueue(settings.reconciliation_queue_url), readers)

    @_part
    def discrepancies(self) -> "Discrepancies":
        from paylink.services.discrepancies import Discrepancies

        return Discrepancies(self.database)

    @_part
    def settlements(self) -> "Settlements":
        from paylink.services.settlements import RegisteredReaders, Settlements

        return Settlements(self.parts, RegisteredReaders(self.settings.providers, self.settings.environ))

    @_part
    def operations(self) -> "Operations":
        from paylink.services.operations import Operations

        return Operations(self.parts)

    @_part
    def credential_use(self) -> "CredentialUse":
        from paylink.services.credential_use import CredentialUse

        return CredentialUse(self.parts)

    @_part
    def merchants(self) -> "Merchants":
        from paylink.services.merchants import Merchants

        return Merchants(self.database)

    @_part
    def keys(self) -> "Keys":
        from paylink.services.keys import Keys

        return Keys(self.database, self.settings.api_key_peppers, demo_keys=self.settings.demo_keys)

    @_part
    def provider_accounts(self) -> "ProviderAccounts":
        from paylink.services.provider_accounts import ProviderAccounts

        return ProviderAccounts(self.database, self.providers, self.sealer, public_url=self.settings.public_url)


def _check(uow: "UnitOfWork") -> object:
    return uow.one("check_database")


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
