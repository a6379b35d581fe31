"""Calls of providers, timed: by provider, operation, and what came of them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from paylink.core.metrics import OK, PROVIDER_CALL, Metrics
from paylink.core.money import Money
from paylink.core.tracing import current_span
from paylink.providers.port import Account, Capabilities, CredentialField, Provider, ProviderError

if TYPE_CHECKING:
    from paylink.providers.payments import Payment, PaymentQuery, PaymentRequest, ProviderEvent, Refund, RefundRequest
    from paylink.providers.settlements import SettlementApi, SettlementPage

DEFECT = "defect"
"""What came of a call that raised what no adapter should."""

P = ParamSpec("P")
T = TypeVar("T")


class _Clock:
    def __init__(self, slug: str, metrics: Metrics) -> None:
        self._slug = slug
        self._metrics = metrics
        self._attributes = {"paylink.provider": slug}

    def time(self, operation: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        began_s, result = time.perf_counter(), DEFECT
        try:
            parent = current_span()
            if parent is None:
                answer = call(*args, **kwargs)
            else:
                with parent.child(operation, self._attributes):
                    answer = call(*args, **kwargs)
            result = OK
            return answer
        except ProviderError as exc:
            result = exc.kind.value
            raise
        finally:
            took_s = time.perf_counter() - began_s
            self._metrics.observe(PROVIDER_CALL, took_s, self._slug, operation, result)


class MeasuredProvider:
    """A provider like the one that it is made of."""

    def __init__(self, provider: Provider, metrics: Metrics) -> None:
        self._provider = provider
        self._clock = _Clock(provider.slug, metrics)

    @property
    def slug(self) -> str:
        return self._provider.slug

    @property
    def capabilities(self) -> Capabilities:
        return self._provider.capabilities

    @property
    def credential_fields(self) -> Sequence[CredentialField]:
        return self._provider.credential_fields

    def check_amount(self, amount: Money) -> None:
        self._provider.check_amount(amount)

    def create_payment(self, account: Account, request: "PaymentRequest") -> "Payment":
        return self._clock.time("create_payment", self._provider.create_payment, account, request)

    def find_payment(self, account: Account, request: "PaymentRequest") -> "Payment | None":
        return self._clock.time("find_payment", self._provider.find_payment, account, request)

    def fetch_payment(self, account: Account, query: "PaymentQuery") -> "Payment":
        return self._clock.time("fetch_payment", self._provider.fetch_payment, account, query)

    def cancel_payment(self, account: Account, query: "PaymentQuery") -> "Payment":
        return self._clock.time("cancel_payment", self._provider.cancel_payment, account, query)

    def capture_payment(self, account: Account, query: "PaymentQuery", amount: Money) -> "Payment":
        return self._clock.time("capture_payment", self._provider.capture_payment, account, query, amount)

    def refund_payment(self, account: Account, request: "RefundRequest") -> "Refund":
        return self._clock.time("refund_payment", self._provider.refund_payment, account, request)

    def find_refund(self, account: Account, request: "RefundRequest") -> "Refund | None":
        return self._clock.time("find_refund", self._provider.find_refund, account, request)

    def map_webhook(self, raw_body: bytes) -> "ProviderEvent":
        return self._provider.map_webhook(raw_body)


class MeasuredProviders(Mapping[str, Provider]):
    """Providers by their slugs, each like the one that it is made of. One is made when it is first asked for."""

    def __init__(self, providers: Mapping[str, Provider], metrics: Metrics) -> None:
        self._providers = providers
        self._metrics = metrics
        self._made: dict[str, MeasuredProvider] = {}

    def __getitem__(self, slug: str) -> Provider:
        made = self._made.get(slug)
        if made is None:
            made = self._made[slug] = MeasuredProvider(self._providers[slug], self._metrics)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._providers)

    def __len__(self) -> int:
        return len(self._providers)

    def __contains__(self, slug: object) -> bool:
        return slug in self._providers


class MeasuredSettlementApi:
    """A list of settlement lines like the one that it is made of."""

    def __init__(self, slug: str, api: "SettlementApi", metrics: Metrics) -> None:
        self._api = api
        self._clock = _Clock(slug, metrics)

    def list_lines(self, account: Account, since: datetime, until: datetime, after: str | None) -> "SettlementPage":
        return self._clock.time("list_lines", self._api.list_lines, account, since, until, after)
