"""Runs the actions that the buttons and the control API share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paylink_sandbox.errors import NotFound
from paylink_sandbox.ledger import Charge, Page
from paylink_sandbox.registry import Action, Frame, Simulator, Target


@dataclass(frozen=True)
class Actions:
    frame: Frame
    simulators: Mapping[str, Simulator]

    def knows(self, slug: str) -> bool:
        """False for pages of a provider that was enabled at an earlier start."""
        return slug in self.simulators

    def simulator(self, slug: str) -> Simulator:
        try:
            return self.simulators[slug]
        except KeyError:
            raise NotFound(f"no provider {slug!r} here; there are: {', '.join(self.simulators)}") from None

    def page(self, slug: str, page_id: str) -> Page:
        page = self.frame.ledger.page(self.simulator(slug).slug, page_id)
        if page is None:
            raise NotFound(f"no page {page_id!r}")
        return page

    def charge(self, slug: str, charge_id: str) -> Charge:
        charge = self.frame.ledger.charge(self.simulator(slug).slug, charge_id)
        if charge is None:
            raise NotFound(f"no charge {charge_id!r}")
        return charge

    def on_page(self, slug: str, page_id: str, name: str) -> Page:
        """Raises NotFound or NotPossible."""
        self.page(slug, page_id)
        _named(self.simulator(slug).page_actions, name).run(page_id, None)
        return self.page(slug, page_id)

    def on_pages(self, slug: str, page_ids: Sequence[str], name: str) -> list[Page]:
        """All of them in one transaction, or none. Raises NotFound or NotPossible."""
        with self.frame.store.transaction():
            return [self.on_page(slug, page_id, name) for page_id in page_ids]

    def on_charge(self, slug: str, charge_id: str, name: str, amount: int | None) -> Charge:
        """Raises NotFound or NotPossible."""
        self.charge(slug, charge_id)
        _named(self.simulator(slug).charge_actions, name).run(charge_id, amount)
        return self.charge(slug, charge_id)


def _named(actions: Sequence[Action[Target]], name: str) -> Action[Target]:
    for action in actions:
        if action.name == name:
            return action
    raise NotFound(f"no action {name!r}; there are: {', '.join(action.name for action in actions)}")
