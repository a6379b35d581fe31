"""Calls of providers are timed under their own names, and are otherwise as they were."""

import inspect
from types import SimpleNamespace
from typing import Any

import pytest

from paylink.core.metrics import PROVIDER_CALL, Metric
from paylink.providers.measured import MeasuredProvider, MeasuredProviders, MeasuredSettlementApi
from paylink.providers.port import Effect, ErrorKind, Provider, ProviderError

CALLS = [
    "create_payment",
    "find_payment",
    "fetch_payment",
    "cancel_payment",
    "capture_payment",
    "refund_payment",
    "find_refund",
]
NOT_TIMED = {"slug", "capabilities", "credential_fields", "check_amount", "map_webhook"}


class Heard:
    """Metrics that keep what was observed."""

    def __init__(self) -> None:
        self.observed: list[tuple[Metric, tuple[str, ...]]] = []
        self.seconds: list[float] = []

    def count(self, metric: Metric, *labels: str) -> None:
        raise AssertionError("nothing is counted")

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        self.observed.append((metric, labels))
        self.seconds.append(value)


class Double:
    """Answers each call with its name and arguments, or raises what it was given."""

    slug = "acme"

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object) -> object:
            if self._error:
                raise self._error
            return name, arguments

        return call


def arguments_of(call: Any) -> list[str]:
    return [name for name in inspect.signature(call).parameters if name != "self"]


def test_every_call_of_the_protocol_is_timed():
    public = {name for name in vars(Provider) if not name.startswith("_")}
    assert public == {*CALLS, *NOT_TIMED}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_passed_on_and_timed_as_ok(call: str):
    heard = Heard()
    arguments = arguments_of(getattr(Provider, call))
    answer: Any = getattr(MeasuredProvider(Double(), heard), call)(*arguments)
    assert answer == (call, tuple(arguments))
    assert heard.observed == [(PROVIDER_CALL, ("acme", call, "ok"))]
    assert 0 <= heard.seconds[0] < 5


@pytest.mark.parametrize("kind", ErrorKind)
def test_a_refusal_is_timed_under_its_kind_and_raised_as_it_was(kind: ErrorKind):
    heard, error = Heard(), ProviderError(kind, "of theirs", effect=Effect.UNKNOWN)
    with pytest.raises(ProviderError) as raised:
        MeasuredProvider(Double(error), heard).fetch_payment(SimpleNamespace(), SimpleNamespace())
    assert raised.value is error
    assert heard.observed == [(PROVIDER_CALL, ("acme", "fetch_payment", kind.value))]


def test_what_no_adapter_should_raise_is_a_defect():
    heard = Heard()
    with pytest.raises(ZeroDivisionError):
        MeasuredProvider(Double(ZeroDivisionError()), heard).find_refund(SimpleNamespace(), SimpleNamespace())
    assert heard.observed == [(PROVIDER_CALL, ("acme", "find_refund", "defect"))]


def test_a_list_of_settlement_lines_is_a_call_too():
    heard = Heard()
    api = MeasuredSettlementApi("acme", Double(), heard)
    assert api.list_lines(*arguments_of(MeasuredSettlementApi.list_lines))[0] == "list_lines"
    assert heard.observed == [(PROVIDER_CALL, ("acme", "list_lines", "ok"))]


def test_what_is_pure_is_not_timed():
    heard = Heard()
    measured = MeasuredProvider(Double(), heard)
    assert measured.map_webhook(b"{}") == ("map_webhook", (b"{}",))
    assert measured.slug == "acme"
    assert heard.observed == []


def test_a_provider_is_made_when_it_is_first_asked_for_and_once():
    asked: list[str] = []

    class Enabled(dict[str, Provider]):
        def __getitem__(self, slug: str) -> Provider:
            asked.append(slug)
            return super().__getitem__(slug)

    double: Any = Double()
    measured = MeasuredProviders(Enabled(acme=double), Heard())
    assert (list(measured), len(measured), "acme" in measured, "other" in measured) == (["acme"], 1, True, False)
    assert asked == []
    assert measured["acme"] is measured["acme"]
    assert asked == ["acme"]
    assert measured.get("other") is None
