"""What a provider folder brings, and how it is found: `paylink_sandbox/<slug>/` with `SIMULATOR`, nothing else."""

import importlib
import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, cast

from flask import Blueprint

from paylink_sandbox.config import Config
from paylink_sandbox.deliveries import Deliveries
from paylink_sandbox.errors import ConfigError
from paylink_sandbox.faults import Faults
from paylink_sandbox.ledger import Charge, Ledger, Page
from paylink_sandbox.money import Amount
from paylink_sandbox.settlements import Settlements
from paylink_sandbox.store import Store
from paylink_sandbox.webhooks import WebhookRules

Target = TypeVar("Target", Page, Charge)

_SLUG = re.compile(r"[a-z][a-z0-9_]{0,30}")


@dataclass(frozen=True)
class Frame:
    """The shared parts that a simulator builds on."""

    config: Config
    store: Store
    ledger: Ledger
    deliveries: Deliveries
    faults: Faults

    def now(self) -> float:
        return self.config.clock()


@dataclass(frozen=True)
class Action(Generic[Target]):
    """
    Something a payer or an operator can do to a page or a charge.

    offered: whether the button makes sense now; `run` decides for itself. run: takes the id and, if takes_amount, an
    amount in provider units or None for all; raises NotFound or NotPossible. by_payer: offered on the payment page.
    """

    name: str
    label: str
    offered: Callable[[Target], bool]
    run: Callable[[str, int | None], None]
    by_payer: bool = False
    takes_amount: bool = False
    tone: str = "quiet"


@dataclass(frozen=True)
class Line:
    """One line of what is being paid for."""

    name: str
    quantity: int
    amount: Amount


@dataclass(frozen=True)
class Export:
    """A file that the provider's dashboard exports; `path` is below `/<slug>`."""

    label: str
    path: str


@dataclass(frozen=True)
class PageView:
    """
    What the payment page shows beside the ledger's facts.

    method: how it was paid, once it was. notice: why the last attempt failed. return_url: where a payer goes who
    has finished. cancel_url: where a payer goes who gives up.

    template: the page, in the provider folder's own `templates/<slug>/` unless it is the frame's. details: what that
    template needs beside the rest.
    """

    merchant: str
    description: str | None
    lines: Sequence[Line]
    method: str | None
    notice: str | None
    return_url: str | None
    cancel_url: str | None
    template: str = "payment.html"
    details: Mapping[str, object] = field(default_factory=dict)


class Simulator(Protocol):
    """One provider. Its routes are mounted below `/<slug>`; `/<slug>/pay/<page id>` is served by the frame."""

    slug: str
    name: str
    rules: WebhookRules
    page_actions: Sequence[Action[Page]]
    charge_actions: Sequence[Action[Charge]]
    settlements: Settlements
    exports: Sequence[Export]

    def routes(self) -> Blueprint:
        """The provider's API. Called once."""

    def page_view(self, page_id: str) -> PageView:
        """Raises NotFound."""

    def expire_page(self, page_id: str) -> None:
        """The time of an open page has run out. Called in no transaction."""


Build = Callable[[Frame], Simulator]


def build_simulators(frame: Frame) -> Mapping[str, Simulator]:
    """The simulators of the enabled providers. Raises ConfigError for an unknown one or a missing credential."""
    return {slug: _load(slug)(frame) for slug in frame.config.providers}


def _load(slug: str) -> Build:
    name = f"{__package__}.{slug}"
    if _SLUG.fullmatch(slug) and importlib.util.find_spec(name):
        build = getattr(importlib.import_module(name), "SIMULATOR", None)
        if build is not None:
            return cast(Build, build)
    raise ConfigError(f"PAYLINK_PROVIDERS names {slug!r}, for which the sandbox has no simulator")


def webhook_rules(simulators: Mapping[str, Simulator]) -> Mapping[str, WebhookRules]:
    return {slug: simulator.rules for slug, simulator in simulators.items()}
